// One face's reading: verdict, doubts, the words, the emotions. The action units are in units.js.

import { $, calm, capital, h, meter, pause, percent, points, show } from "./dom.js";
import { accent } from "./stage.js";
import { drawUnits, point } from "./units.js";
import { doubts, leading, notes, unitId } from "./words.js";

const WORD = 28; // milliseconds a word, while words appear
const rows = new Map();
let told = null; // the explanation that stands there, so that it is not told twice

function verdict(reading, several) {
  const first = leading(reading);
  const which = several && reading.face_id !== null ? ` Face ${reading.face_id}` : "";
  const heading = $("verdict");
  heading.className = reading.emotion ? "named" : "";
  if (!first) {
    heading.textContent = notes().statuses[reading.status] ?? "Nothing was read";
    return;
  }
  const share = percent(reading.emotion_scores[first]);
  heading.replaceChildren(
    reading.emotion ? capital(reading.emotion) : "No verdict",
    h("span", { class: "share" }, reading.emotion ? ` ${share}` : ` (${first} ${share})`),
    h("span", { class: "which quiet" }, which),
  );
}

/** The words, with each action unit they name as a button that shows where it is seen. */
function spoken(text) {
  return text.split(/(\s+)/).map((word) => {
    if (!/AU\d/.test(word)) return document.createTextNode(word);
    return h("span", { class: "whole" }, ...word.split(/(AU\d+)/).map((part) => (/^AU/.test(part) ? mention(part) : part)));
  });
}

function mention(short) {
  const id = unitId(short);
  return h("button", {
    type: "button", class: "link mention", "data-unit": id, textContent: short,
    onfocus: () => point(id), onblur: () => point(null), onmouseenter: () => point(id), onmouseleave: () => point(null),
  });
}

async function tell(text, { slowly }) {
  if (told === text) return;
  told = text;
  $("why").replaceChildren();
  if (!text) return;
  $("why").setAttribute("aria-busy", "true");
  for (const part of spoken(text)) {
    if (told !== text) return;
    $("why").append(part);
    if (slowly && /\S/.test(part.textContent)) await pause(WORD);
  }
  $("why").removeAttribute("aria-busy");
}

function why(reading, { waiting, several }) {
  show("why-part", Boolean(reading.explanation) || (waiting && Boolean(reading.emotion)));
  tell(reading.explanation ?? "", { slowly: !calm() && !several });
  const repaired = reading.consistency?.repaired;
  $("why-note").textContent = waiting && !reading.explanation ? "Finding the words …" : repaired ? notes().repaired : "";
  show("why-note", Boolean($("why-note").textContent));
}

/** The emotions' bars; with `after`, what they would be, with the difference to what was seen. */
export function drawEmotions(scores, chosen, after = null) {
  const names = Object.keys(scores);
  if (names.join() !== [...rows.keys()].join()) {
    rows.clear();
    for (const name of names) rows.set(name, emotionRow(name));
    $("emotions").replaceChildren(...[...rows.values()].map((row) => row.item));
  }
  $("emotions").classList.toggle("changed", Boolean(after));
  const now = after ?? scores;
  const first = names.reduce((best, name) => (now[name] > now[best] ? name : best), names[0]);
  for (const [name, row] of rows) {
    const share = percent(now[name]);
    row.item.classList.toggle("present", name === (after ? first : chosen));
    row.set(now[name], after ? `${share}, as seen ${percent(scores[name])}` : share);
    row.share.textContent = share;
    row.mark.style.left = `${100 * scores[name]}%`;
    row.change.textContent = after ? points(after[name] - scores[name]) : "";
  }
}

function emotionRow(name) {
  const { bar, set } = meter(name);
  const mark = h("span", { class: "mark" });
  bar.append(mark);
  const row = { set, mark, share: h("span", { class: "number", "aria-hidden": "true" }), change: h("span", { class: "change" }) };
  row.item = h("li", {}, h("span", { class: "name" }, name), bar, row.share, row.change);
  return row;
}

/** Show a whole reading. `waiting`: words are still to come; `live`: numbers only, changing; `several`: of faces. */
export function drawReading(reading, { metadata, waiting = false, live = false, several = false }) {
  const read = leading(reading) !== undefined;
  $("reading").className = accent(reading.face_id);
  show("reading");
  $("reading").classList.toggle("empty", !read);
  verdict(reading, several);
  $("doubts").replaceChildren(...doubts(reading).map((sentence) => h("li", {}, sentence)));
  why(live ? {} : reading, { waiting, several: false });
  if (!read) return;
  drawEmotions(reading.emotion_scores, reading.emotion);
  drawUnits(reading, metadata?.thresholds, live);
}
