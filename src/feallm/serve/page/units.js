// The list of action units: probability, strength, where each is seen and what it does, and its what-if switch.

import { $, h, meter, percent, points, show } from "./dom.js";
import { closeUp, drawEvidence } from "./stage.js";
import { leading, notes, unit } from "./words.js";

const LEAST = 6; // shown at least: the present ones, then the next most probable
const HINT = "Point at an action unit, touch it, or move to it with the Tab key, to see its place on the face and what it does to the verdict.";

const rows = new Map();
let reading = null;
let all = false;
let switches = null; // while what-if is on: called with (unit, "off" | "seen" | "on")
let told = null; // the reading that the close-up stands for
let starts = {}; // the probability from which each unit counts as present

function pips(strength) {
  return Array.from({ length: 5 }, (_, number) => {
    const fill = h("i");
    fill.style.width = `${100 * Math.min(Math.max(strength - number, 0), 1)}%`;
    return h("span", { class: "pip" }, fill);
  });
}

function choices(id) {
  const name = unit(id).short;
  const option = (value, label) => h("label", {},
    h("input", { type: "radio", name: `what-${id}`, value, checked: value === "seen", onchange: () => switches?.(id, value) }),
    h("span", {}, label));
  return h("fieldset", { class: "switch" }, h("legend", { class: "unseen" }, `${name}, what if it were`),
    option("off", "off"), option("seen", "as seen"), option("on", "on"));
}

function makeRow(id) {
  const { short, name } = unit(id);
  const { bar, set } = meter(`${short} probability`);
  const mark = h("span", { class: "mark" });
  bar.append(mark);
  const row = {
    set, mark, bar,
    dot: h("span", { class: "dot", "aria-hidden": "true" }),
    share: h("span", { class: "number", "aria-hidden": "true" }),
    strength: h("span", { class: "strength" }),
    about: h("span", { class: "unseen", id: `about-${id}` }),
  };
  const button = h("button", { class: "unit link", type: "button", "aria-describedby": `about-${id}`, "data-unit": id },
    row.dot, h("b", {}, short), h("span", { class: "name" }, ` ${name}`), row.few = h("span", { class: "few" }));
  row.item = h("li", {}, button, bar, row.share, row.strength, row.about, choices(id));
  row.item.addEventListener("pointerenter", () => point(id));
  row.item.addEventListener("pointerleave", () => point(null));
  button.addEventListener("focus", () => point(id));
  button.addEventListener("blur", () => point(null));
  button.addEventListener("click", () => point(id));
  return row;
}

/** What the row does not show of a unit: what it looks like, where it is seen, what it does to the verdict. */
function about(id) {
  const au = reading.action_units[id];
  const { short, region, appearance } = unit(id);
  const parts = [`${short}${appearance ? `, ${appearance}` : ""}: ${au.present ? "" : "not "}present.`];
  if (au.evidence) {
    const [hidden, control] = [au.evidence.drop, au.evidence.control_drop].map((drop) => percent(Math.max(0, au.probability - drop)));
    parts.push(`Seen at the ${region}: ${percent(au.probability)} probable, ${hidden} with that place hidden, ${control} with as much hidden elsewhere.`);
  }
  if (au.present && typeof au.effect === "number") {
    const size = points(Math.abs(au.effect)).slice(1);
    const moves = size === "0" ? "as probable" : `${size} points ${au.effect > 0 ? "less" : "more"} probable`;
    parts.push(`Without it, ${leading(reading)} would be ${moves}.`);
  }
  if (au.low_support) parts.push(notes().low_support.replace("* ", ""));
  return parts.join(" ");
}

/** Show one unit's evidence and effect; null: none. */
export function point(id) {
  const au = id && reading ? reading.action_units[id] : null;
  const regions = au?.evidence?.regions ?? null;
  for (const [name, row] of rows) row.item.classList.toggle("pointed", name === id);
  for (const mention of document.querySelectorAll("#why [data-unit]")) mention.classList.toggle("pointed", mention.dataset.unit === id);
  drawEvidence(regions);
  closeUp(reading, regions);
  $("spot-text").textContent = au ? about(id) : HINT;
  $("spot-text").classList.toggle("quiet", !au);
}

function strongest() {
  const units = Object.entries(reading.action_units);
  const present = units.filter(([, au]) => au.present);
  const others = units.filter(([, au]) => !au.present).sort((one, other) => other[1].probability - one[1].probability);
  return new Set([...present, ...others.slice(0, Math.max(2, LEAST - present.length))].map(([id]) => id));
}

/** Fill the list for a reading. `live`: numbers that change while one looks, without places or words. */
export function drawUnits(next, thresholds = starts, live = false) {
  reading = next;
  starts = thresholds;
  const ids = Object.keys(next.action_units).sort();
  if (ids.join() !== [...rows.keys()].join()) {
    rows.clear();
    for (const id of ids) rows.set(id, makeRow(id));
    $("units").replaceChildren(...[...rows.values()].map((row) => row.item));
  }
  const shown = all || live || switches ? new Set(ids) : strongest();
  for (const [id, row] of rows) fill(id, row, next.action_units[id], starts[id], shown.has(id));
  const few = ids.some((id) => next.action_units[id].low_support && shown.has(id));
  $("few").textContent = few ? notes().low_support : "";
  show("all-units", !live && !switches && (all || shown.size < ids.length));
  $("all-units").textContent = all ? "Show fewer" : `Show all ${ids.length} action units`;
  $("all-units").setAttribute("aria-expanded", String(all));
  show("spot", !live && !switches);
  if (told !== next && !live) point(null);
  told = next;
}

function fill(id, row, au, threshold, visible) {
  const text = `${percent(au.probability)}, ${au.present ? "present" : "not present"}`;
  row.item.hidden = !visible;
  row.item.classList.toggle("present", au.present);
  row.dot.textContent = au.present ? "●" : "○";
  row.few.textContent = au.low_support ? "*" : "";
  row.set(au.probability, text);
  row.share.textContent = percent(au.probability);
  row.mark.style.left = `${100 * (threshold ?? 0.5)}%`;
  row.strength.replaceChildren(...pips(au.intensity), h("span", { class: "number" }, h("span", { class: "unseen" }, `strength ${au.intensity.toFixed(1)} of 5`), h("span", { "aria-hidden": "true" }, au.intensity.toFixed(1))));
  row.about.textContent = about(id);
}

/** Turn the switches on (`changed(unit, choice)` hears them) or off (null). */
export function useSwitches(changed) {
  switches = changed;
  $("reading").classList.toggle("switching", Boolean(changed));
  resetSwitches();
}

export function resetSwitches() {
  for (const input of $("units").querySelectorAll("input[value=seen]")) input.checked = true;
}

$("all-units").addEventListener("click", () => {
  all = !all;
  if (reading) drawUnits(reading);
});
