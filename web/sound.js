// Short sounds, made and not fetched. Where there are none, nothing breaks.

let sound = null;

/** To be called in a click: browsers let a page sound later only if somebody has touched it. */
export function prepareSound() {
  try {
    sound ??= new AudioContext();
    sound.resume().catch(() => {});
  } catch {
    // No sound here.
  }
}

/** Tones one after the other. @param kind "sine" for what is soft, "square" for what is to be heard in a crowd */
export function tones(pitches, { kind = "sine", each = 0.22, loud = 0.2 } = {}) {
  if (sound?.state !== "running") return;
  pitches.forEach((pitch, index) => {
    const begin = sound.currentTime + index * each;
    const [tone, loudness] = [sound.createOscillator(), sound.createGain()];
    tone.type = kind;
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.0001, begin);
    loudness.gain.exponentialRampToValueAtTime(loud, begin + 0.03);
    loudness.gain.exponentialRampToValueAtTime(0.0001, begin + 0.5);
    tone.connect(loudness).connect(sound.destination);
    tone.start(begin);
    tone.stop(begin + 0.55);
  });
}
