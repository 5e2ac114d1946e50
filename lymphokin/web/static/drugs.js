// The drugs that the model takes, as the service names them: nothing here knows one of them.

import { joined, label } from "./words.js";

let known = [];
let link = null;

/** Take over the drugs and the disputed link of the form. */
export const useModel = (form) => {
  known = form.drugs.map((drug) => ({ ...drug, label: label(drug.label) }));
  link = form.link;
};

/** Drugs as { drug, label, unit, usual, infused }, in the order of the model. */
export const drugs = () => known;
export const disputed = () => link;

const about = (drug) => known.find((d) => d.drug === drug);
export const labelOf = (drug) => about(drug)?.label ?? drug;
/** A label that fits beside a chart. */
export const shortLabel = (drug) => (labelOf(drug).length > 6 ? drug : labelOf(drug));
export const allLabels = () => joined(known.map((d) => d.label));
export const place = (drug) => known.findIndex((d) => d.drug === drug);

/** The key that adds a pulse: the first letter of its word, if nothing else has it. */
export const keyOf = (drug) => {
  const letter = drug[0].toLowerCase();
  return letter === "f" || known.some((d) => d.drug !== drug && d.drug[0].toLowerCase() === letter) ? null : letter;
};

/** A pulse with what it may leave out. */
export const wholePulse = (pulse) => {
  const blank = { days: 1, mg_per_m2_per_day: null, amount_per_day: null, doses_per_day: 1, infusion_hours: 0 };
  const usual = about(pulse.drug)?.usual ?? {};
  const dose = "amount_per_day" in pulse || "mg_per_m2_per_day" in pulse ? { mg_per_m2_per_day: null, amount_per_day: null } : {};
  return { ...blank, ...usual, ...dose, ...pulse };
};

/** Which of the two doses a pulse states. */
export const doseName = (pulse) => (pulse.amount_per_day === null ? "mg_per_m2_per_day" : "amount_per_day");

/** Unit of a dose as the form shows it, of a drug's pulses. */
export const doseUnit = (drug, pulse) => (pulse && doseName(pulse) === "mg_per_m2_per_day" ? "mg/m²" : about(drug).unit);
