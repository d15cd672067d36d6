// Calling a fan who is let in while looking elsewhere: by the title, a sound, a vibration and, where allowed, a notification.
// Before that, keeping the screen awake while it is nearly their turn. Each is a courtesy: where there is none, nothing breaks.

import { t } from "./language.js";
import { attention } from "./parts.js";

let sound = null;

/** To be called in a click: browsers let a page sound later only if somebody has touched it. */
export function prepareCall() {
  try {
    sound ??= new AudioContext();
    sound.resume().catch(() => {});
  } catch {
    // No sound here.
  }
}

export const mayAskToNotify = () => globalThis.Notification?.permission === "default";

/** Asks whether notifications may be shown; returns "granted", "denied" or "default". */
export async function askToNotify() {
  prepareCall();
  return (await globalThis.Notification?.requestPermission()) ?? "denied";
}

/** It is this fan's turn for the concert of that title. */
export function callIn(title) {
  attention.value = `● ${t("queue.yourTurn")}`;
  navigator.vibrate?.([250, 120, 250]);
  chime();
  try {
    if (globalThis.Notification?.permission === "granted") new Notification(t("queue.yourTurn"), { body: title, tag: "ost-turn", requireInteraction: true });
  } catch {
    // Some phones allow a page no notifications of its own.
  }
}

/** Two tones, up. */
function chime() {
  if (sound?.state !== "running") return;
  [660, 880].forEach((pitch, index) => {
    const begin = sound.currentTime + index * 0.22;
    const [tone, loudness] = [sound.createOscillator(), sound.createGain()];
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.0001, begin);
    loudness.gain.exponentialRampToValueAtTime(0.2, begin + 0.03);
    loudness.gain.exponentialRampToValueAtTime(0.0001, begin + 0.5);
    tone.connect(loudness).connect(sound.destination);
    tone.start(begin);
    tone.stop(begin + 0.55);
  });
}

/** Keeps the screen on until the function that it returns is called; taken up again whenever the page is seen again. */
export function stayAwake() {
  let lock = null;
  let over = false;
  const hold = async () => {
    if (over || document.hidden || !navigator.wakeLock) return;
    try {
      const held = await navigator.wakeLock.request("screen");
      if (over) held.release();
      else lock = held;
    } catch {
      // Low battery, or not allowed.
    }
  };
  hold();
  document.addEventListener("visibilitychange", hold);
  return () => {
    over = true;
    document.removeEventListener("visibilitychange", hold);
    lock?.release();
  };
}
