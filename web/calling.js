// Calling a fan who is let in while looking elsewhere: by the title, a sound, a vibration and, where allowed, a notification.
// Before that, keeping the screen awake while it is nearly their turn. Each is a courtesy: where there is none, nothing breaks.

import { t } from "./language.js";
import { attention } from "./parts.js";
import { prepareSound, tones } from "./sound.js";

export { prepareSound as prepareCall };

export const mayAskToNotify = () => globalThis.Notification?.permission === "default";

/** Asks whether notifications may be shown; returns "granted", "denied" or "default". */
export async function askToNotify() {
  prepareSound();
  return (await globalThis.Notification?.requestPermission()) ?? "denied";
}

/** It is this fan's turn for the concert of that title. */
export function callIn(title) {
  attention.value = `● ${t("queue.yourTurn")}`;
  navigator.vibrate?.([250, 120, 250]);
  tones([660, 880]);
  try {
    if (globalThis.Notification?.permission === "granted") new Notification(t("queue.yourTurn"), { body: title, tag: "ost-turn", requireInteraction: true });
  } catch {
    // Some phones allow a page no notifications of its own.
  }
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
