// Small helpers that every other file uses: elements, numbers as people read them.

export const $ = (id) => document.getElementById(id);

/** An element with properties, attributes (aria-*, data-*, role, class, for) and children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (/^(aria-|data-)|^(role|class|for)$/.test(name)) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** The same for SVG, where everything is an attribute. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const show = (id, visible = true) => { $(id).hidden = !visible; };

/** A share of 0..1 in whole per cent, never rounded to none or to all of it. */
export function percent(share) {
  const whole = `${Math.round(100 * share)}%`;
  if (whole === "0%" && share > 0) return "<1%";
  return whole === "100%" && share < 1 ? ">99%" : whole;
}

/** A difference of shares in percentage points: "+12", "−0.4", "±0". */
export function points(difference) {
  const size = Math.abs(100 * difference);
  if (size < 0.05) return "±0";
  return (difference < 0 ? "−" : "+") + (size < 9.95 ? size.toFixed(1) : size.toFixed(0));
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Seconds as "0:07.4". */
export function clock(seconds) {
  const tenths = Math.round(seconds * 10);
  const rest = tenths % 600;
  return `${Math.floor(tenths / 600)}:${String(Math.floor(rest / 10)).padStart(2, "0")}.${rest % 10}`;
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** A bar that says its value: role meter, filled from the left. `set(share, text)` changes it. */
export function meter(label) {
  const fill = h("span", { class: "fill" });
  const bar = h("span", { class: "bar", role: "meter", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  const set = (share, text) => {
    fill.style.width = `${Math.max(share > 0 ? 1 : 0, 100 * share)}%`;
    bar.setAttribute("aria-valuenow", (100 * share).toFixed(1));
    bar.setAttribute("aria-valuetext", text);
  };
  return { bar, set };
}

/** Say that something is going on; nothing hides it. */
export function busy(text) {
  $("busy").textContent = text ?? "";
  show("busy", Boolean(text));
}

/** Say what went wrong, in one sentence; nothing hides it. */
export function complain(text) {
  $("notice").textContent = text ?? "";
  show("notice", Boolean(text));
}
