// The result as a file: what the page holds as JSON; table and report made by the server.

import { $, busy, complain, h, show } from "./dom.js";
import { aborted, call, form } from "./api.js";

const KINDS = {
  csv: { path: "v1/table?format=csv", ending: ".csv", doing: "Making the table …" },
  html: { path: "v1/report", ending: ".html", doing: "Making the report …", more: () => ({ blur_faces: $("blur").checked }) },
};

let subject = null; // () => {blob, name, metadata, readings, segments, fields}

/** From now on downloads are of this; null: there is nothing to download. */
export function about(next) {
  subject = next;
  show("downloads", Boolean(next));
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

async function download(format) {
  const { blob, name, metadata, readings, segments, fields } = subject();
  const stem = name.replace(/\.[^.]*$/, "") || "feallm";
  if (format === "json") {
    const whole = { metadata, readings, ...(segments?.length ? { segments } : {}) };
    save(new Blob([JSON.stringify(whole, null, 2)], { type: "application/json" }), `${stem}.json`);
    return;
  }
  const { path, ending, doing, more } = KINDS[format];
  busy(doing);
  try {
    const response = await call(path, { method: "POST", body: form(blob, name, { ...fields, ...more?.() }) });
    save(await response.blob(), stem + ending);
    complain();
  } catch (error) {
    if (!aborted(error)) complain(error.message);
  }
  busy();
}

$("downloads").addEventListener("click", async (event) => {
  const button = event.target.closest("[data-format]");
  if (!button || button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  await download(button.dataset.format);
  button.ariaDisabled = null;
});
