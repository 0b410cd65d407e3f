// Where a picture or video comes from: the file dialog, a drop, the clipboard. `open(file)` gets it.

import { $ } from "./dom.js";

const first = (files) => {
  const all = [...(files ?? [])];
  return all.find((file) => /^(image|video)\//.test(file.type)) ?? all[0];
};

export function listen(open) {
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    const file = first($("file").files);
    $("file").value = "";
    if (file) open(file);
  });
  document.addEventListener("paste", (event) => {
    const file = first(event.clipboardData?.files);
    if (!file) return;
    event.preventDefault();
    open(file);
  });
  dropping(open);
}

function dropping(open) {
  const over = (on) => document.body.classList.toggle("dropping", on);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    over(true);
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(false); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    const count = event.dataTransfer.files.length;
    const file = first(event.dataTransfer.files);
    if (file) open(file, count > 1 ? `${count} files were dropped; this page reads one at a time: ${file.name}. For many, “feallm analyze folder/” makes a table.` : undefined);
  });
}

/** Say truly where pictures go: they stay here only where the server is this machine. */
export function tellPrivacy() {
  const local = /^(localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname);
  $("privacy").textContent = local
    ? "Everything stays on this computer; nothing is stored."
    : `Pictures go to ${location.host} and nowhere else; nothing is stored there.`;
}
