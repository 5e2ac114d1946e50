// How the service's numbers are written. It rounds them, once; nothing is rounded here.

import { label, number, t } from "./words.js";

/** Hundredths as whole numbers; exact, since the service gives two decimals. */
export const hundredths = (share) => Math.round(100 * share);

/** A probability as a number of 100: none is not impossible, and all is not certain. */
export const chance = (share) => ({ 0: "< 1", 100: "> 99" })[hundredths(share)] ?? number(hundredths(share));

/** A number of 100 patients; of what is no probability the number itself. */
export const written = (value, isChance) => (isChance ? chance(value) : number(value));
export const of100 = ({ p, of_100 }) => written(p, of_100 !== null);

/** The 90 % interval of such a number. */
export const range = ({ low, high, of_100 }) => t("number.range", { low: written(low, of_100 !== null), high: written(high, of_100 !== null) });

/** A minus B as what B instead of A changes: "9 fewer". */
export const change = (difference) => (difference ? t(difference > 0 ? "change.fewer" : "change.more", { size: Math.abs(difference) }) : number(0));

/** A probability of two decimals. */
export const probability = (share) => ({ 0: `< ${number(0.01)}`, 1: `> ${number(0.99)}` })[share] ?? number(share);

const UNITS = { "1e9/L": "10⁹/L", "1e9/L x days": "10⁹/L × days", "cells/uL": "cells/µL", m2: "m²", cm3: "cm³" };
/** A unit as people write it. */
export const unit = (text) => label(text, UNITS[text] ?? text);

/** A number as it stands in an input: with the decimal mark that is typed. */
export const inInput = (value) => (typeof value === "number" ? number(value) : value ?? "");

/** A number that was typed, null for nothing yet, else the text, which the service will refuse. */
export const typed = (text) => {
  const plain = text.trim().replace(",", ".").replace("−", "-");
  const value = Number(plain);
  return plain === "" || plain === "-" ? null : Number.isFinite(value) ? value : text;
};

const PER_MICROLITRE = /^([\d.,]+)\s*(?:cells|\/|per|\s)*\s*(?:[µμu]l|mm3|mm³)$/i;

/**
 * A count in cells/µL (or /mm³) as 10⁹/L, or null where it is none: its unit is written, or it is
 * so large that it can be nothing else.
 */
export const fromMicrolitre = (text, { unit: of, maximum }) => {
  if (of !== "1e9/L") return null;
  const stated = PER_MICROLITRE.exec(text.trim());
  const value = typed(stated ? stated[1] : text);
  if (typeof value !== "number" || !(stated || value > maximum) || value / 1000 > maximum) return null;
  return value / 1000;
};

/** Whether what is being typed may be the beginning of a number, like the 0 of 0.7. */
export const unfinished = (control) => {
  const value = control?.dataset.least === undefined ? null : typed(control.value);
  return typeof value === "number" && value < Number(control.dataset.least);
};
