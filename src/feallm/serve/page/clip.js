// A video's readings over time: a strip for each face, a scrubber, segments, subtitles, a table.

import { $, capital, clock, h, percent, show } from "./dom.js";
import { accent } from "./stage.js";
import { leading, unit } from "./words.js";

const ROW = 14; // pixels of a strip's row
const WIDE = 900; // pixels of a strip
const STALE = 1.5; // seconds after which a frame's reading no longer stands for the moment
const MOST = 1000; // rows of the table on the page; the downloads have all

let video = null;
let told = null; // told(readings of the moment, chosen face or undefined)
let frames, readings, segments, progress, drawing;

/** Begin with an empty timeline. `video` may be null where the browser cannot show it. */
export function begin(element, shown) {
  [video, told] = [element, shown];
  [frames, readings, segments, progress, drawing] = [[], [], [], null, false];
  $("clip").replaceChildren(
    h("h2", { id: "clip-title" }, "Over time"),
    h("p", { id: "clip-progress", class: "quiet", role: "status" }),
    h("label", { class: "scrub" }, "Moment ", h("input", { id: "scrub", type: "range", min: 0, max: 1, step: 0.04, value: 0, oninput: () => seek(Number($("scrub").value)) })),
    h("div", { id: "strips" }),
    h("ol", { id: "segments" }),
    h("details", { id: "rows", ontoggle: table }, h("summary", {}, "All readings as a table"), h("div", { class: "scroll" })),
  );
  show("clip");
  for (const name of ["timeupdate", "seeked"]) video?.addEventListener(name, () => moment(video.currentTime));
  video?.addEventListener("play", follow);
}

/** What was read so far. */
export const result = () => ({ readings, segments });

/** Take one event of the server's answer. */
export function hear(event) {
  if (event.type === "reading") add(event.reading);
  if (event.type === "progress") progress = event;
  if (event.type === "segment") segments.push(event.segment);
  if (event.type === "done") end();
  if (!drawing) {
    drawing = true;
    requestAnimationFrame(redraw);
  }
}

function add(reading) {
  readings.push(reading);
  const last = frames.at(-1);
  if (last && last.time === reading.timestamp) last.readings.push(reading);
  else frames.push({ time: reading.timestamp ?? 0, readings: [reading] });
}

function end() {
  progress = null;
  segments.sort((one, other) => one.onset - other.onset);
  $("segments").replaceChildren(...segments.map(segmentItem));
  if (video && segments.length) subtitle();
}

const long = () => Math.max(video?.duration || 0, frames.at(-1)?.time ?? 0, progress?.of ?? 0, 0.04);

function redraw() {
  drawing = false;
  if (!readings.length) return;
  $("scrub").max = long();
  const done = progress ? `Read up to ${clock(frames.at(-1).time)}${progress.of ? ` of ${clock(progress.of)}` : ""} …` : "";
  $("clip-progress").textContent = done || `${frames.length} frames read${faces().length ? "" : ", no face in any of them"}.`;
  $("strips").replaceChildren(...faces().map(strip));
  if (!video || video.paused) moment(Number($("scrub").value));
}

const faces = () => [...new Set(readings.map((reading) => reading.face_id).filter((id) => id !== null))].sort((a, b) => a - b);

/** The readings of the frame that a moment shows. */
function at(time) {
  let [low, high] = [0, frames.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (frames[middle].time <= time + 0.02) low = middle + 1;
    else high = middle;
  }
  const frame = frames[low - 1];
  return frame && time - frame.time < STALE ? frame.readings : [];
}

function moment(time) {
  $("scrub").value = time;
  $("scrub").setAttribute("aria-valuetext", clock(time));
  $("moment").textContent = clock(time);
  for (const line of document.querySelectorAll("#strips .now")) line.style.left = `${(100 * time) / long()}%`;
  told(at(time));
}

function follow() {
  if (!video || video.paused || video.ended) return;
  moment(video.currentTime);
  requestAnimationFrame(follow);
}

function seek(time) {
  if (video) video.currentTime = time;
  else moment(time);
}

/** One face's emotions, and the movements seen at some time, darker where more probable. */
function strip(face) {
  const mine = readings.filter((reading) => reading.face_id === face && leading(reading));
  const emotions = Object.keys(mine[0]?.emotion_scores ?? {});
  const units = Object.keys(mine[0]?.action_units ?? {}).filter((id) => mine.some((reading) => reading.action_units[id].present));
  const names = [...emotions, ...units.map((id) => unit(id).short)];
  const share = (reading, row) => (row < emotions.length ? reading.emotion_scores[emotions[row]] : reading.action_units[units[row - emotions.length]].probability);
  const canvas = h("canvas", { width: WIDE, height: names.length * ROW, role: "img", "aria-label": spoken(face, mine) });
  const choose = (event) => {
    const place = canvas.getBoundingClientRect();
    seek(long() * Math.min(1, Math.max(0, (event.clientX - place.left) / place.width)));
    told(at(Number($("scrub").value)), face);
  };
  const now = h("span", { class: "now" });
  const host = h("div", { class: `strip ${accent(face)}`, onclick: choose },
    h("h3", {}, `Face ${face}`),
    h("ol", { class: "rows", "aria-hidden": "true" }, ...names.map((name) => h("li", {}, name))),
    h("div", { class: "heat" }, canvas, now));
  now.style.left = `${(100 * Number($("scrub").value)) / long()}%`;
  requestAnimationFrame(() => paint(canvas, mine, names.length, share));
  return host;
}

function paint(canvas, mine, rows, share) {
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(canvas).color;
  const scale = WIDE / long();
  const usual = frames.length > 1 ? (frames.at(-1).time - frames[0].time) / (frames.length - 1) : long();
  mine.forEach((reading, number) => {
    const until = Math.min(mine[number + 1]?.timestamp ?? Infinity, reading.timestamp + Math.min(2 * usual, STALE));
    const from = Math.round(reading.timestamp * scale);
    for (let row = 0; row < rows; row += 1) {
      pen.globalAlpha = share(reading, row);
      pen.fillRect(from, row * ROW + 1, Math.max(1, Math.round(until * scale) - from), ROW - 2);
    }
  });
}

/** The strip in words: which emotion led from when to when. */
function spoken(face, mine) {
  const runs = [];
  for (const reading of mine) {
    const last = runs.at(-1);
    if (last?.emotion === reading.emotion) last.until = reading.timestamp;
    else runs.push({ emotion: reading.emotion, from: reading.timestamp, until: reading.timestamp });
  }
  const told = runs.slice(0, 40).map((run) => `${run.emotion ?? "no verdict"} from ${clock(run.from)} to ${clock(run.until)}`);
  return `Face ${face} over time: ${told.join(", ")}${runs.length > 40 ? ", and so on" : ""}.`;
}

function about(segment) {
  const units = segment.action_units.map((id) => unit(id).short).join(", ");
  return `${capital(segment.emotion ?? "no verdict")}${units ? ` (${units})` : ""}`;
}

function segmentItem(segment) {
  const jump = () => { seek(segment.apex); told(at(segment.apex), segment.face_id); };
  return h("li", { class: accent(segment.face_id) },
    h("button", { type: "button", class: "link", onclick: jump }, `${clock(segment.onset)}–${clock(segment.offset)}`),
    h("b", {}, ` Face ${segment.face_id}: ${about(segment)}. `), segment.explanation ?? "");
}

/** The segments as subtitles of the video itself. */
function subtitle() {
  const captions = video.addTextTrack("subtitles", "FEALLM", "en"); // off until asked for: boxes say the same
  const several = faces().length > 1;
  for (const segment of segments) {
    const who = several ? `${segment.face_id}: ` : "";
    captions.addCue(new VTTCue(segment.onset, Math.max(segment.offset, segment.onset + 0.2), who + about(segment)));
  }
}

function table() {
  if (!$("rows").open) return;
  const cells = (tag, values) => h("tr", {}, ...values.map((value) => h(tag, {}, value)));
  const line = (reading) => cells("td", [
    clock(reading.timestamp ?? 0), reading.face_id ?? "–", reading.emotion ?? reading.status.replaceAll("_", " "),
    leading(reading) ? percent(reading.emotion_scores[leading(reading)]) : "–",
    Object.keys(reading.action_units).filter((id) => reading.action_units[id].present).map((id) => unit(id).short).join(" ") || "–",
  ]);
  const rest = readings.length > MOST ? h("p", { class: "quiet" }, `The first ${MOST} of ${readings.length} rows; the downloads have all.`) : null;
  $("rows").querySelector(".scroll").replaceChildren(h("table", {},
    h("thead", {}, cells("th", ["Time", "Face", "Emotion", "Probability", "Action units"])),
    h("tbody", {}, ...readings.slice(0, MOST).map(line))), ...(rest ? [rest] : []));
}
