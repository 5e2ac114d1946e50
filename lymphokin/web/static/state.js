// What the reader has entered, as the JSON of the request; its history; its file and its link.

import { wholePulse } from "./drugs.js";

const history = { past: [], present: null, future: [] };
const listeners = new Set();
let lastLabel = null;

export const state = () => history.present;
export const canUndo = () => history.past.length > 0;
export const canRedo = () => history.future.length > 0;

/** Call `listener(state)` after every change. */
export const onChange = (listener) => listeners.add(listener);

const settle = (next) => {
  history.present = next;
  for (const listener of listeners) listener(next);
};

/** Begin anew: nothing to undo. */
export const start = (first) => {
  history.past = [];
  history.future = [];
  lastLabel = null;
  settle(first);
};

/**
 * Replace the state by what `edit` makes of a copy of it. Changes that follow each other under the
 * same `label` (the digits typed into one field) are undone together.
 */
export const change = (edit, label = null) => {
  const next = structuredClone(history.present);
  edit(next);
  if (JSON.stringify(next) === JSON.stringify(history.present)) return;
  if (label === null || label !== lastLabel) history.past.push(history.present);
  lastLabel = label;
  history.future = [];
  settle(next);
};

const step = (from, to) => {
  if (!from.length) return;
  to.push(history.present);
  lastLabel = null;
  settle(from.pop());
};
export const undo = () => step(history.past, history.future);
export const redo = () => step(history.future, history.past);

/** A question that the service accepted, with what it may leave out, as the form's defaults are. */
export const complete = (kept, form) => {
  const blank = Object.fromEntries(form.fields.map((field) => [field.name, field.default ?? null]));
  const schedule = ({ fractions = [], pulses = [], start_weekday = 0, immune_dose_gy = null, ...byDrug }) => ({
    fractions: fractions.map((f) => ({ lesion: 0, ...f })),
    pulses: [...pulses, ...Object.entries(byDrug).flatMap(([drug, own]) => own.map((p) => ({ drug, ...p })))].map(wholePulse),
    start_weekday,
    immune_dose_gy,
  });
  const counts = (kept.patient.counts ?? []).map((count) => ({ quantity: form.counts[0].quantity, ...count }));
  return {
    ...form.default,
    day_0: null,
    ...kept,
    patient: { ...blank, covariates: {}, ...kept.patient, counts },
    a: schedule(kept.a),
    b: schedule(kept.b),
  };
};

/** The state as a fragment of the page's address; a browser sends a fragment to nobody. */
export const toFragment = (value) => {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const text = btoa(String.fromCharCode(...bytes));
  return `#s=${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
};

/** The state in a fragment, or null when there is none or it cannot be read. */
export const fromFragment = (fragment) => {
  if (!fragment.startsWith("#s=")) return null;
  try {
    const text = atob(fragment.slice(3).replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
};
