// Talking to the server: requests, its errors as sentences, and answers that come piece by piece.

import { $ } from "./dom.js";

let key = "";

/** What the server said, or that it said nothing; `message` is for people. */
export class ServerError extends Error {
  constructor(message, code, wait) {
    super(message);
    this.code = code;
    this.wait = wait;
  }
}

/** Whether the user, not a failure, ended a request. */
export const aborted = (error) => error?.name === "AbortError";

function askForKey() {
  const dialog = $("key-dialog");
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "ok" ? $("key").value.trim() : "";
      $("key").value = "";
      done(given);
    }, { once: true });
    dialog.returnValue = "";
    dialog.showModal();
  });
}

async function failure(response) {
  let told = {};
  try {
    told = (await response.json()).error ?? {};
  } catch {
    // an answer that is not ours, such as a proxy's page: the status says what there is to say
  }
  const message = told.message ?? `The server answered with status ${response.status}.`;
  return new ServerError(message, told.code, Number(response.headers.get("Retry-After")) || undefined);
}

/** One request; the response if it is a good one. Throws ServerError, or AbortError where `signal` ended it. */
export async function call(path, options = {}) {
  const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (aborted(error)) throw error;
    throw new ServerError("The server does not answer. Is “feallm serve” still running?", "gone");
  }
  if (response.status === 401) {
    key = await askForKey();
    if (key) return call(path, options);
  }
  if (!response.ok) throw await failure(response);
  return response;
}

export function form(blob, name, fields) {
  const data = new FormData();
  data.append("file", blob, name);
  for (const [field, value] of Object.entries(fields)) data.append(field, String(value));
  return data;
}

export const postJson = (path, body, signal) =>
  call(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" }, signal });

const broken = () => new ServerError("The connection broke before the answer was complete. Try again.", "broken");

/** The lines of a response as they come. */
async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      yield* parts;
    }
    if (rest) yield rest;
  } catch (error) {
    if (aborted(error)) throw error;
    throw broken();
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Read a picture or a video: events {type: metadata | reading | progress | segment | done, …} as they come. */
export async function* analyze(blob, name, fields, signal) {
  const headers = { Accept: "application/x-ndjson" };
  const response = await call("v1/analyze", { method: "POST", body: form(blob, name, fields), headers, signal });
  for await (const line of lines(response)) {
    if (!line.trim()) continue;
    const event = JSON.parse(line);
    if (event.type === "error") throw new ServerError(event.error.message, event.error.code);
    yield event;
    if (event.type === "done") return;
  }
  throw broken();
}

/** A chat completion's words as they come (server-sent events, OpenAI's form). */
export async function* chatWords(body, signal) {
  const response = await postJson("v1/chat/completions", { ...body, stream: true }, signal);
  for await (const line of lines(response)) {
    const data = line.startsWith("data:") ? line.slice(5).trim() : "";
    if (data === "[DONE]") return;
    if (!data) continue;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new ServerError(chunk.error.message, chunk.error.code);
    const words = chunk.choices?.[0]?.delta?.content;
    if (words) yield words;
  }
}

export function dataUrl(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => failed(new ServerError("The browser could not read this file again.", "file"));
    reader.readAsDataURL(blob);
  });
}
