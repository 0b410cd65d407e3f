// What if a movement were not there, or were: switches on the action units, and the emotions that follow from them.

import { $, complain, show } from "./dom.js";
import { aborted, dataUrl, postJson } from "./api.js";
import { drawEmotions } from "./reading.js";
import { drawUnits, resetSwitches, useSwitches } from "./units.js";

let subject = null; // {source, reading}
let choices = new Map();
let running = null;

const on = () => $("whatif").getAttribute("aria-pressed") === "true";

/** From now on the switches are about this face of this picture; null: about none. */
export function about(next) {
  const same = subject && next && subject.source === next.source && subject.reading.face_id === next.reading.face_id;
  subject = next;
  show("whatif", Boolean(next));
  if (!same) turn(false);
  else if (choices.size) ask(); // the words came, and drew what was seen
}

function turn(active) {
  $("whatif").setAttribute("aria-pressed", String(active));
  show("whatif-help", active);
  choices = new Map();
  running?.abort();
  useSwitches(active ? changed : null);
  seen();
  if (subject) drawUnits(subject.reading);
}

/** Back to what was seen. */
function seen() {
  choices.clear();
  resetSwitches();
  show("reset", false);
  show("whatif-said", false);
  $("whatif-said").textContent = "";
  if (subject) drawEmotions(subject.reading.emotion_scores, subject.reading.emotion);
}

function changed(unit, choice) {
  if (choice === "seen") choices.delete(unit);
  else choices.set(unit, choice);
  if (choices.size) ask();
  else {
    running?.abort();
    seen();
  }
}

async function ask() {
  running?.abort();
  const run = running = new AbortController();
  const { source, reading } = subject;
  const chosen = (choice) => [...choices].filter(([, value]) => value === choice).map(([unit]) => unit);
  show("reset");
  show("whatif-said");
  try {
    source.dataUrl ??= dataUrl(source.blob);
    const body = { image: await source.dataUrl, face: reading.asked ?? reading.face_id, without: chosen("off"), adding: chosen("on") };
    const found = await (await postJson("v1/whatif", body, run.signal)).json();
    if (run.signal.aborted) return;
    drawEmotions(found.before, reading.emotion, found.after);
    $("whatif-said").textContent = found.sentence;
    complain();
  } catch (error) {
    if (aborted(error)) return;
    seen();
    complain(error.message);
  }
}

$("whatif").addEventListener("click", () => turn(!on()));
$("reset").addEventListener("click", () => {
  running?.abort();
  seen();
  $("whatif").focus();
});
