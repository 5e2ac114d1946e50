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
export const probability = (share) => ({ 0: `<\u00a0${number(0.01)}`, 1: `>\u00a0${number(0.99)}` })[share] ?? number(share);

const UNITS = { "1e9/L": "10⁹/L", "1e9/L x days": "10⁹/L × days", "cells/uL": "cells/µL", m2: "m²", cm3: "cm³" };
/** A unit as people write it. */
export const unit = (text) => label(text, UNITS[text] ?? text);

const BELOW = /^<(\d*\.?\d+)$/;

/** The number of "<0.1", a count of which no more is known than that it is below; null for any other. */
export const limitOf = (value) => (BELOW.test(value) ? Number(value.slice(1)) : null);

/** A number as it stands in an input: with the decimal mark that is typed. */
export const inInput = (value) => (typeof value === "number" ? number(value) : BELOW.test(value) ? `<${number(limitOf(value))}` : value ?? "");

/** A number that was typed, or "<0.1"; null for nothing yet, else the text, which the service will refuse. */
export const typed = (text) => {
  const plain = text.replace(/\s/g, "").replace(",", ".").replace("−", "-");
  const value = Number(plain);
  return /^[<-]?$/.test(plain) ? null : Number.isFinite(value) ? value : BELOW.test(plain) ? plain : text;
};

const PER_MICROLITRE = /^(<?[\d.,\s]+?)\s*(?:cells|cellules|\/|per|par|\s)*(?:[µμu]l|mm3|mm³)$/i;
const PER_LITRE = /^(<?[\d.,\s]+?)\s*(?:[x×*]?\s*(?:10\^?9|10⁹|1?e9)|g|giga)\s*\/\s*l$/i;
const THOUSANDS = /(\d)[.,\s](?=\d{3}\b)/g;

/**
 * A count in 10⁹/L of what is typed with its unit, or is so large that it can only be per µL:
 * { value, n }, where n is the number per µL if it was converted. Null where there is nothing to convert.
 */
export const converted = (text, { unit: of, maximum }) => {
  if (of !== "1e9/L") return null;
  const litre = PER_LITRE.exec(text.trim());
  const stated = PER_MICROLITRE.exec(text.trim());
  const value = typed(litre ? litre[1] : stated ? stated[1].replace(THOUSANDS, "$1") : text);
  const n = limitOf(value) ?? value;
  if (litre && value !== null) return { value };
  if (typeof n !== "number" || !(stated || n > maximum) || n / 1000 > maximum) return null;
  return { value: n === value ? n / 1000 : `<${n / 1000}`, n: inInput(value) };
};

/** Whether what is being typed may be the beginning of a number, like the 0 of 0.7. */
export const unfinished = (control) => {
  const value = control?.dataset.least === undefined ? null : typed(control.value);
  const number = limitOf(value) ?? value;
  return typeof number === "number" && number < Number(control.dataset.least);
};
