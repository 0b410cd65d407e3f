// What statuses, flags and action units are called, as the server's own tables have it.

let words = { action_units: {}, statuses: {}, no_face: "", low_support: "", repaired: "" };

const FLAGS = {
  small: "The face is small in the picture",
  blurred: "The face is blurred",
  turned: "The face is turned away",
  dark: "The face is dark",
  bright: "The face is overexposed",
  cut_off: "Part of the face is outside the picture",
};

export async function loadWords() {
  const response = await fetch("static/words.json");
  if (response.ok) words = await response.json();
  return words;
}

export const unit = (id) => words.action_units[id] ?? { short: id.replace(/^AU0/, "AU"), name: "", region: "", appearance: "" };

/** The id ("AU06") of what a text calls it ("AU6"). */
export const unitId = (short) => `AU${short.replace(/\D/g, "").padStart(2, "0")}`;

export const notes = () => words;

/** What stands between the picture and the numbers, a sentence each. */
export function doubts(reading) {
  const told = [];
  if (reading.status !== "ok" && leading(reading)) told.push(`${words.statuses[reading.status] ?? reading.status}.`);
  for (const flag of reading.quality?.flags ?? []) told.push(`${FLAGS[flag] ?? flag.replaceAll("_", " ")}: rely less on this.`);
  if (reading.status === "no_face") told.push(words.no_face, "A photo helps in which the face is upright, in good light, and not too small.");
  if (reading.error) told.push(reading.error);
  return told;
}

/** The leading emotion, whether it is named or not; undefined without a face. */
export function leading(reading) {
  const names = Object.keys(reading.emotion_scores ?? {});
  return names.sort((one, other) => reading.emotion_scores[other] - reading.emotion_scores[one])[0];
}

/** Emotions from the most probable to the least. */
export const ranked = (scores) => Object.entries(scores).sort((one, other) => other[1] - one[1]).map(([name]) => name);
