// The page as a whole: what is open, which face is chosen, and who is told when a reading comes.

import { $, busy, complain, show } from "./dom.js";
import { aborted, analyze } from "./api.js";
import * as camera from "./camera.js";
import * as chat from "./chat.js";
import * as downloads from "./downloads.js";
import { drawReading } from "./reading.js";
import { listen, tellPrivacy } from "./sources.js";
import { accent, clear, drawEvidence, drawFaces, grab, headline, showClip, showPhoto } from "./stage.js";
import * as whatif from "./whatif.js";
import { leading, loadWords } from "./words.js";

const state = {
  source: null, // {blob, name}: the picture that is read; what-if and chat ask about it
  readings: [],
  metadata: null,
  face: 0,
  live: false, // numbers that change while one looks: camera, playing video
  waiting: false, // words are still to come
  run: null, // ends all requests about what is open
  closer: null, // ends the request about one moment of a video
  moment: null, // where the video stood then
};

const VIDEO = /^video\//;
const VIDEO_NAME = /\.(mp4|m4v|mov|avi|mkv|webm|mpe?g|wmv|m?ts|m2ts|3gp|ogv|flv)$/i; // systems do not know all types

const words = loadWords();

const chosen = () => state.readings.find((reading) => reading.face_id === state.face) ?? state.readings[0];

function draw() {
  const { metadata, waiting, live, readings, source } = state;
  const reading = chosen();
  drawFaces(readings, reading?.face_id, (face) => { state.face = face; draw(); });
  if (reading) drawReading(reading, { metadata, waiting, live, several: readings.length > 1 });
  else show("reading", false);
  const asked = !live && source && reading && leading(reading) ? { source, reading, model: metadata?.model } : null;
  whatif.about(asked);
  chat.about(asked);
  if (asked) $("chat").className = accent(reading.face_id);
  if (metadata) $("made").textContent = `Read by ${metadata.model}, feallm ${metadata.version}, ${metadata.engine} on ${metadata.device}.`;
}

/** Nothing is open any more: requests end, the camera goes off. Returns what ends the requests of what comes next. */
function reset() {
  state.run?.abort();
  state.closer?.abort();
  camera.stop();
  Object.assign(state, { source: null, readings: [], metadata: null, face: 0, live: false, waiting: false, run: new AbortController() });
  downloads.about(null);
  clear();
  complain();
  busy();
  draw();
  for (const id of ["clip", "clip-actions"]) show(id, false);
  return state.run.signal;
}

function opened() {
  show("work");
  document.body.classList.add("opened");
}

async function open(file, remark) {
  const signal = reset();
  try {
    await words;
    opened();
    if (VIDEO.test(file.type) || VIDEO_NAME.test(file.name)) await openClip(file, signal);
    else await openPhoto(file, signal);
    if (remark) busy(remark);
  } catch (error) {
    if (aborted(error) || signal.aborted) return;
    busy();
    complain(error.message);
  }
}

async function openPhoto(file, signal) {
  const source = { blob: file, name: file.name || "picture.png" };
  const shown = await showPhoto(file, source.name);
  signal.throwIfAborted();
  const fields = await readPicture(source, signal);
  downloads.about(() => ({ ...source, metadata: state.metadata, readings: state.readings, fields }));
  if (!shown) complain("This browser cannot show this kind of picture; its reading stands here all the same.");
}

/** Read one picture whole: numbers first, then places and words. `known` may give a reading the id of a known face. */
async function readPicture(source, signal, known = (reading) => reading) {
  const fields = { explain: true, evidence: true };
  Object.assign(state, { source, readings: [], live: false, waiting: true });
  busy("Looking for faces …");
  try {
    for await (const event of analyze(source.blob, source.name, fields, signal)) {
      if (event.type === "metadata") state.metadata = event.metadata;
      if (event.type === "reading") take(known(event.reading));
    }
  } finally {
    if (!signal.aborted) {
      busy();
      state.waiting = false;
      draw();
      const reading = chosen();
      if (reading) $("announce").textContent = `${state.readings.length > 1 ? `${state.readings.length} faces. Face ${reading.face_id}: ` : ""}${headline(reading)}`;
    }
  }
  return fields;
}

/** A reading of a face that is there already replaces it: the second one has the words. */
function take(reading) {
  const place = state.readings.findIndex((other) => other.face_id === reading.face_id);
  if (place < 0) state.readings.push(reading);
  else state.readings[place] = reading;
  busy();
  draw();
}

async function openCamera() {
  reset();
  await words;
  if (!(await camera.start(liveAnswer))) return;
  opened();
  state.live = true;
  $("take").focus();
}

/** The reading whose face is nearest to another's; undefined without faces. */
function nearest(readings, to) {
  const middle = ({ box: [x, y, width, height] }) => [x + width / 2, y + height / 2];
  const far = (reading) => Math.hypot(middle(reading)[0] - middle(to)[0], middle(reading)[1] - middle(to)[1]);
  return readings.filter((reading) => reading.box).sort((one, other) => far(one) - far(other))[0];
}

/** A live answer; the chosen face is the one nearest to where it was before. */
function liveAnswer({ metadata, readings }) {
  const before = chosen();
  if (before?.box) state.face = nearest(readings, before)?.face_id ?? state.face;
  Object.assign(state, { metadata, readings });
  draw();
}

async function openClip(file, signal) {
  const clip = await import("./clip.js");
  const video = await showClip(file);
  signal.throwIfAborted();
  show("clip-actions", Boolean(video));
  state.live = true;
  clip.begin(video, (readings, face) => {
    if (!state.live && video.paused && face === undefined && video.currentTime === state.moment) return;
    state.closer?.abort();
    drawEvidence(null);
    Object.assign(state, { readings, live: true, source: null, face: face ?? state.face });
    draw();
  });
  busy("Reading the video …");
  const fields = { explain: true, evidence: false };
  for await (const event of analyze(file, file.name, fields, signal)) {
    if (event.type === "metadata") state.metadata = event.metadata;
    clip.hear(event);
  }
  busy();
  downloads.about(() => ({ blob: file, name: file.name, metadata: state.metadata, ...clip.result(), fields }));
  if (!video) complain("This browser cannot show this kind of video; its readings stand in the timeline all the same.");
}

/** Read the frame at which the video stands, whole: places, words, what-if and chat, until it moves on. */
async function readMoment() {
  const video = document.querySelector("#frame video");
  video.pause();
  const frame = await grab();
  if (!frame) return;
  state.moment = video.currentTime;
  state.closer = new AbortController();
  const { signal } = state.closer;
  const before = state.readings;
  const known = (reading) => ({ ...reading, asked: reading.face_id, face_id: (reading.box && nearest(before, reading)?.face_id) ?? reading.face_id });
  try {
    await readPicture({ blob: frame.blob, name: "frame.jpg" }, signal, known);
  } catch (error) {
    if (!aborted(error)) complain(error.message);
  }
}

listen(open);
tellPrivacy();
words.catch(() => complain("The server does not answer. Is “feallm serve” still running?"));
$("use-camera").addEventListener("click", openCamera);
$("take").addEventListener("click", async () => {
  const file = await camera.take();
  if (file) await open(file);
});
$("stop").addEventListener("click", () => {
  reset();
  show("work", false);
  $("use-camera").focus();
});
$("read-moment").addEventListener("click", readMoment);
