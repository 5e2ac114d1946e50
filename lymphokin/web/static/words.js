// The page's words: sentences of the catalogue in its language, numbers and days as they are written in it.
// What the service says comes with its answers: `words`.

/** The language that the service chose; British English, for its dates and its lists. */
export const LANGUAGE = document.documentElement.lang;
const LOCALE = LANGUAGE === "en" ? "en-GB" : LANGUAGE;
const response = await fetch(`/catalogue/${LANGUAGE}.json`);
const { messages } = await response.json();
const labels = {};

/** Take over the words of an answer. */
export const learn = (words) => {
  Object.assign(messages, words.messages);
  Object.assign(labels, words.labels);
};

const plurals = new Intl.PluralRules(LOCALE);
const numbers = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 20, useGrouping: false });
const lists = new Intl.ListFormat(LOCALE, { type: "conjunction" });

/** A number as the service gave it, with the language's decimal mark and a true minus. */
export const number = (value) => numbers.format(value).replace("-", "−");

export const joined = (texts) => lists.format(texts);

/** What a text of a table or a model is in this language; the text itself where nothing is known. */
export const label = (text, otherwise = text) => labels[text] ?? otherwise;

const gaps = /\{(\w+)\}/;

/** The parts of a sentence: texts, and what fills its gaps, which may be elements. */
export const parts = (key, values = {}) => {
  const found = messages[key];
  const text = typeof found === "string" ? found : found[plurals.select(values.n)] ?? found.other;
  return text.split(gaps).map((part, i) => {
    const value = i % 2 ? values[part] : part;
    return typeof value === "number" ? number(value) : value;
  });
};

/** A sentence of the catalogue. */
export const t = (key, values) => parts(key, values).join("");

/** Names of the weekdays, from Monday on. */
export const WEEKDAYS = Array.from({ length: 7 }, (_, i) =>
  new Intl.DateTimeFormat(LOCALE, { weekday: "long", timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, 1 + i))),
);

/** Day 0 as a date, where it is known: then days are written as dates. */
let dayZero = null;
export const setDayZero = (iso) => {
  dayZero = iso ? Date.parse(`${iso}T00:00:00Z`) : null;
};

const DAY_MS = 86_400_000;
const dates = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const fullDates = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeZone: "UTC" });
const shortDates = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", timeZone: "UTC" });
const at = (day) => new Date(dayZero + Math.floor(day) * DAY_MS);

/** Weekday of a date, from Monday = 0. */
export const weekdayOf = (iso) => (new Date(`${iso}T00:00:00Z`).getUTCDay() + 6) % 7;

/** "day 46", or its date. */
export const day = (value) => (dayZero === null ? t("day.plain", { day: value }) : dates.format(at(value)));

/** The weekday and the date of a day, in full; nothing where day 0 has none. */
export const dateInFull = (value) => (dayZero === null || typeof value !== "number" ? "" : fullDates.format(at(value)));

/** "46", or its date without the year: at an axis, in a table. */
export const shortDay = (value) => (dayZero === null ? number(value) : shortDates.format(at(value)));

/** "on day 46" */
export const onDay = (value) => t(dayZero === null ? "day.on" : "date.on", { day: dayZero === null ? value : day(value) });

/** "from day 4 to day 34", or "on day 46" where both are the same. */
export const fromTo = ([first, last]) => {
  if (first === last) return onDay(first);
  const [from, to] = dayZero === null ? [first, last] : [day(first), day(last)];
  return t(dayZero === null ? "day.range" : "date.range", { from, to });
};

/** The date and the time of this moment. */
export const now = () => new Intl.DateTimeFormat(LOCALE, { dateStyle: "long", timeStyle: "short" }).format(new Date());

export const hasDates = () => dayZero !== null;

/** Write a day into an input, as a date where day 0 has one; leave it while the reader is typing in it. */
export const writeDay = (input, value) => {
  const type = dayZero === null ? "text" : "date";
  if (input.type !== type) input.type = type;
  else if (input === document.activeElement) return;
  const known = typeof value === "number";
  input.value = type === "text" ? (known ? number(value) : value ?? "") : known ? at(value).toISOString().slice(0, 10) : "";
};

/** The day in such an input; null for none yet, the text itself where it is none. */
export const readDay = (input, typed) => {
  if (input.type !== "date") return typed(input.value);
  return input.value ? Math.round((Date.parse(`${input.value}T00:00:00Z`) - dayZero) / DAY_MS) : null;
};

const filled = (name, value) => {
  if (Array.isArray(value)) return joined(value.map((v) => filled(name, v)));
  if (typeof value === "object") return said(value);
  if (typeof value === "string") return label(value);
  return /^days?$|^day_/.test(name) ? day(value) : number(value);
};

/** A sentence of the service: in this language where it has words for it, else as it came. */
export const said = ({ key, values, text }) =>
  key in messages ? t(key, Object.fromEntries(Object.entries(values).map(([name, value]) => [name, filled(name, value)]))) : label(text);
