// The camera of a phone, read for QR codes.

import { decodeQR } from "./vendor/qr-read.js";

const WIDTH = 1280;
const LARGEST = 720; // pixels of the square that is looked at: enough for a code at arm's length, quick on an old phone
const LOOKS_EVERY_MS = 120;

/**
 * Shows the camera in `video`, and calls `seen(text)` for each look that finds a code. Returns {stop, light}; `light(on)`
 * switches the torch and is null where there is none. Rejects with the browser's reason (NotAllowedError, NotFoundError, …).
 */
export async function watch(video, seen) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: WIDTH } }, audio: false });
  const [track] = stream.getVideoTracks();
  video.srcObject = stream;
  await video.play();
  const canvas = document.createElement("canvas");
  const pixels = canvas.getContext("2d", { willReadFrequently: true });
  const timer = setInterval(() => {
    const text = !document.hidden && look(video, canvas, pixels);
    if (text) seen(text);
  }, LOOKS_EVERY_MS);
  const hasLight = track.getCapabilities?.().torch;
  return {
    light: hasLight ? (on) => track.applyConstraints({ advanced: [{ torch: on }] }) : null,
    stop: () => {
      clearInterval(timer);
      stream.getTracks().forEach((each) => each.stop());
      video.srcObject = null;
    },
  };
}

/** The text of a code in the middle of the picture, or null. */
function look(video, canvas, pixels) {
  const side = Math.min(video.videoWidth, video.videoHeight);
  if (!side) return null;
  const size = Math.min(side, LARGEST);
  if (canvas.width !== size) canvas.width = canvas.height = size;
  pixels.drawImage(video, (video.videoWidth - side) / 2, (video.videoHeight - side) / 2, side, side, 0, 0, size, size);
  try {
    return decodeQR(pixels.getImageData(0, 0, size, size));
  } catch {
    return null; // no code in this picture
  }
}
