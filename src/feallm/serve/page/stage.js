// The picture or video, with a box for each face and, for one action unit, the places it is seen at.

import { $, capital, h, percent, show, svg } from "./dom.js";
import { leading } from "./words.js";

let media = null; // <img>, <video> or nothing that the browser can show
let overlay, boxes;
let size = [1, 1];
let mirror = false;
let url;

const LARGEST = 3; // a small picture is shown at most this many times its size

function place(element, { mirrored = false } = {}) {
  media = element;
  mirror = mirrored;
  overlay = svg("svg", { class: "overlay", "aria-hidden": "true", preserveAspectRatio: "none" });
  boxes = h("div", { class: "boxes", "aria-hidden": "true" });
  $("frame").replaceChildren(element, overlay, boxes);
  $("frame").classList.toggle("mirrored", mirrored);
}

/** Tell the layout how large the picture is, in its own pixels. */
export function resize(width, height) {
  if (!width || !height) return;
  size = [width, height];
  const frame = $("frame");
  frame.style.setProperty("--ratio", String(width / height));
  frame.style.setProperty("--widest", `${Math.max(LARGEST * width, 280)}px`);
  overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
}

function newUrl(blob) {
  if (url) URL.revokeObjectURL(url);
  url = blob ? URL.createObjectURL(blob) : undefined;
  return url;
}

/** Show a photo; false where the browser does not know its format (the server may). */
export async function showPhoto(blob, name) {
  const picture = h("img", { alt: `The picture ${name}`, src: newUrl(blob) });
  place(picture);
  try {
    await picture.decode();
  } catch {
    clear();
    return false;
  }
  resize(picture.naturalWidth, picture.naturalHeight);
  return true;
}

/** Show a video file with the browser's own controls; resolves to the element once its size is known. */
export function showClip(blob) {
  const video = h("video", { src: newUrl(blob), controls: true, muted: true, playsInline: true, preload: "auto" });
  video.setAttribute("aria-label", "The video");
  place(video);
  return new Promise((done) => {
    video.addEventListener("loadedmetadata", () => { resize(video.videoWidth, video.videoHeight); done(video); }, { once: true });
    video.addEventListener("error", () => { clear(); done(null); }, { once: true });
  });
}

/** Show what the camera sees, mirrored, as people know themselves. */
export async function showCamera(stream) {
  const video = h("video", { srcObject: stream, muted: true, playsInline: true, autoplay: true });
  video.setAttribute("aria-label", "What the camera sees");
  newUrl(null);
  place(video, { mirrored: true });
  await video.play();
  resize(video.videoWidth, video.videoHeight);
  return video;
}

export function clear() {
  newUrl(null);
  media = null;
  $("frame").replaceChildren();
}

/** The picture's pixels for drawing, or null where the browser shows none. */
export const pixels = () => media;

/** The present frame as a JPEG, its longer side at most `longest` pixels; null before the first frame. */
export function grab(longest = Infinity) {
  const [width, height] = [media?.videoWidth, media?.videoHeight];
  if (!width) return Promise.resolve(null);
  const scale = Math.min(1, longest / Math.max(width, height));
  const canvas = h("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  canvas.getContext("2d").drawImage(media, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob((blob) => done(blob && { blob, scale: canvas.width / width }), "image/jpeg", 0.92));
}

/** Which face has which colour. */
export const accent = (face) => `face-${(face ?? 0) % 8}`;

const faced = (readings) => readings.filter((reading) => reading.box).sort((one, other) => one.face_id - other.face_id);

/** Boxes for all faces, the chosen one with its verdict; and, with several, a button for each. */
export function drawFaces(readings, chosen, choose) {
  const found = faced(readings);
  boxes?.replaceChildren(...(media ? found.map((reading) => box(reading, reading.face_id === chosen, choose)) : []));
  const buttons = found.map((reading) => h("button", {
    type: "button",
    class: accent(reading.face_id),
    "aria-pressed": String(reading.face_id === chosen),
    "data-face": reading.face_id,
    onclick: () => choose(reading.face_id),
  }, h("b", {}, `Face ${reading.face_id}`), ` ${headline(reading)}`));
  keepFocus($("faces"), () => $("faces").replaceChildren(...buttons));
  show("faces", found.length > 1);
}

/** Replace children without taking the keyboard's place away. */
function keepFocus(host, change) {
  const face = host.contains(document.activeElement) ? document.activeElement.dataset.face : undefined;
  change();
  if (face !== undefined) host.querySelector(`[data-face="${face}"]`)?.focus();
}

export function headline(reading) {
  const first = leading(reading);
  if (!first) return "not read";
  const share = percent(reading.emotion_scores[first]);
  return reading.emotion ? `${reading.emotion} ${share}` : `no verdict (${first} ${share})`;
}

function box(reading, chosen, choose) {
  const [x, y, width, height] = reading.box;
  const left = mirror ? size[0] - x - width : x;
  const label = chosen ? capital(headline(reading)) : String(reading.face_id);
  const frame = h("div", { class: `box ${accent(reading.face_id)}${chosen ? " chosen" : ""}`, onclick: () => choose(reading.face_id) },
    h("span", { class: "tag" }, label));
  const part = (length, whole) => `${(100 * length) / whole}%`;
  Object.assign(frame.style, {
    left: part(left, size[0]), top: part(y, size[1]), width: part(width, size[0]), height: part(height, size[1]),
  });
  if (y < 0.06 * size[1]) frame.classList.add("low");
  if (left > 0.65 * size[0]) frame.classList.add("right");
  return frame;
}

/** Outline where a unit is seen, and dim the rest; null takes it away. */
export function drawEvidence(regions) {
  if (overlay) overlay.replaceChildren(...(regions && !mirror ? outlines(regions, [0, 0, ...size]) : []));
}

const corners = (region) => region.map(([x, y]) => `${x},${y}`).join(" ");

function outlines(regions, [x, y, width, height]) {
  const holes = regions.map((region) => `M${region.map(([px, py]) => `${px} ${py}`).join("L")}Z`).join("");
  const dim = svg("path", { class: "dim", "fill-rule": "evenodd", d: `M${x} ${y}h${width}v${height}h${-width}Z${holes}` });
  return [dim, ...regions.flatMap((region) => [
    svg("polygon", { class: "edge under", points: corners(region) }),
    svg("polygon", { class: "edge", points: corners(region) }),
  ])];
}

const SIDE = 128;

/** The chosen face by itself, with the same outlines: what is small in a large picture can be seen here. */
export function closeUp(reading, regions) {
  const host = $("closeup");
  if (!media || !reading?.box) return host.replaceChildren();
  const [x, y, width, height] = reading.box;
  const side = 1.3 * Math.max(width, height);
  const view = [x + (width - side) / 2, y + (height - side) / 2, side, side];
  const canvas = h("canvas", { width: 2 * SIDE, height: 2 * SIDE });
  canvas.getContext("2d").drawImage(media, ...view, 0, 0, canvas.width, canvas.height);
  const marks = svg("svg", { class: "overlay", viewBox: view.join(" "), "aria-hidden": "true" });
  if (regions) marks.append(...outlines(regions, view));
  host.replaceChildren(canvas, marks);
}
