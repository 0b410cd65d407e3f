// Questions about the chosen face, answered word by word.

import { $, h, show } from "./dom.js";
import { aborted, chatWords, dataUrl } from "./api.js";
import { leading, ranked, unit } from "./words.js";

let subject = null; // {source, reading, model}
let said = []; // the conversation so far
let running = null;

/** From now on questions are about this face; null: there is none to ask about. */
export function about(next) {
  const same = subject && next && subject.source === next.source && subject.reading.face_id === next.reading.face_id;
  subject = next;
  show("chat", Boolean(next));
  if (same) return;
  running?.abort();
  said = [];
  $("talk").replaceChildren();
  if (next) $("suggestions").replaceChildren(...questions(next.reading).map(suggestion));
}

function questions(reading) {
  const second = ranked(reading.emotion_scores)[1];
  const [strong] = Object.entries(reading.action_units).filter(([, au]) => au.present)
    .sort((one, other) => (other[1].effect ?? 0) - (one[1].effect ?? 0)).map(([id]) => id);
  return [
    `Why ${leading(reading)}?`,
    `Why not ${second}?`,
    "How sure is that?",
    "What would change it?",
    strong ? `What if ${unit(strong).short} were gone?` : "Which action units are there?",
    "What can I ask?",
  ];
}

const suggestion = (text) => h("button", { type: "button", class: "suggestion", onclick: () => ask(text) }, text);

function line(who, text = "") {
  const words = h("span", {}, text);
  const element = h("p", { class: who === "You" ? "question" : "answer" }, h("b", { class: "unseen" }, `${who}: `), words);
  $("talk").append(element);
  element.scrollIntoView({ block: "nearest" });
  return { element, words };
}

async function messages(text) {
  subject.source.dataUrl ??= dataUrl(subject.source.blob);
  const image = { type: "image_url", image_url: { url: await subject.source.dataUrl } };
  const [first, ...rest] = [...said, { role: "user", content: text }];
  return [{ role: "user", content: [image, { type: "text", text: first.content }] }, ...rest];
}

async function ask(text) {
  running?.abort();
  const run = running = new AbortController();
  line("You", text);
  const { element, words } = line("FEALLM");
  element.setAttribute("aria-busy", "true");
  element.classList.add("coming");
  show("hush");
  try {
    const body = { model: subject.model, messages: await messages(text), face: subject.reading.asked ?? subject.reading.face_id };
    for await (const word of chatWords(body, run.signal)) {
      words.append(word);
      element.scrollIntoView({ block: "nearest" });
    }
    said.push({ role: "user", content: text }, { role: "assistant", content: words.textContent });
  } catch (error) {
    if (!aborted(error)) element.classList.add("failed");
    words.append(aborted(error) ? " (stopped)" : error.message);
  }
  element.removeAttribute("aria-busy");
  element.classList.remove("coming");
  if (running === run) show("hush", false);
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("question").value.trim();
  if (!text || !subject) return;
  $("question").value = "";
  ask(text);
});
$("hush").addEventListener("click", () => {
  running?.abort();
  $("question").focus();
});
