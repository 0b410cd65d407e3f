// The camera: what it sees, read frame after frame as fast as answers come, until one picture is taken.

import { $, complain, pause, show } from "./dom.js";
import { aborted, call, form } from "./api.js";
import { grab, showCamera } from "./stage.js";

const LONGEST = 640; // pixels of a live frame's longer side: faces before a camera are large
const REFUSED = {
  NotAllowedError: "The browser was not allowed to use the camera. Allow it beside the address, or choose a file.",
  NotFoundError: "No camera was found. Connect one, or choose a file.",
  NotReadableError: "The camera is in use by another program. Close that, or choose a file.",
  OverconstrainedError: "No camera was found that fits. Choose a file.",
};

let stream = null;
let run = null;
let reader = null; // told each live answer: (answer | null, faces' scale)

const live = () => $("live").getAttribute("aria-pressed") === "true";

/** Whether a camera is on. */
export const running = () => stream !== null;

/** Turn the camera on; false (and a sentence) where that cannot be. `read(answer)` gets each live answer. */
export async function start(read) {
  stop();
  if (!navigator.mediaDevices?.getUserMedia) {
    complain("Browsers give the camera only to pages on this computer (127.0.0.1) or behind HTTPS. Choose a file instead.");
    return false;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } }, audio: false });
  } catch (error) {
    complain(REFUSED[error.name] ?? `The camera cannot be used: ${error.message}`);
    return false;
  }
  stream.getVideoTracks()[0].addEventListener("ended", () => complain("The camera stopped."));
  reader = read;
  await showCamera(stream);
  show("camera-actions");
  $("live").setAttribute("aria-pressed", "true");
  loop();
  return true;
}

export function stop() {
  run?.abort();
  run = null;
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  show("camera-actions", false);
}

/** The present frame, whole, as a file. */
export async function take() {
  const frame = await grab();
  return frame && new File([frame.blob], "camera.jpg", { type: "image/jpeg" });
}

async function loop() {
  run?.abort();
  const mine = run = new AbortController();
  const since = performance.now();
  let count = 0;
  while (run === mine && live()) {
    const frame = document.hidden ? null : await grab(LONGEST);
    if (!frame) {
      await pause(100);
      continue;
    }
    try {
      const body = form(frame.blob, "camera.jpg", { explain: false, evidence: false });
      const answer = await (await call("v1/analyze", { method: "POST", body, signal: mine.signal })).json();
      if (run !== mine) return;
      count += 1;
      $("rate").textContent = `${((1000 * count) / (performance.now() - since)).toFixed(1)} pictures a second`;
      complain();
      reader({ ...answer, readings: answer.readings.map((reading) => scaled(reading, frame.scale)) });
    } catch (error) {
      if (aborted(error)) return;
      if (!error.wait) {
        complain(error.message);
        $("live").setAttribute("aria-pressed", "false");
        return;
      }
      await pause(1000 * error.wait);
    }
  }
}

/** Boxes in pixels of the camera's own picture, not of the smaller one that was sent. */
const scaled = (reading, scale) => ({ ...reading, input: "camera", box: reading.box?.map((length) => length / scale) ?? null });

$("live").addEventListener("click", () => {
  $("live").setAttribute("aria-pressed", String(!live()));
  $("rate").textContent = "";
  if (live()) loop();
  else run?.abort();
});
