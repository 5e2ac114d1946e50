// Inputs: a number, its label, and how a value gets into it.

import { h } from "./dom.js";
import { inInput } from "./numbers.js";

/** Doses below it are taken for the beginning of a number that is being typed. */
const LEAST = 0.001;

export const labelled = (text, control, kind = "") => h("label", { class: kind }, text, control);
export const numberInput = (id, oninput) =>
  h("input", { id, type: "text", inputmode: "decimal", autocomplete: "off", maxlength: 8, "data-least": LEAST, oninput });

/** Write a value into an input, unless the reader is typing in it. */
export const write = (input, value) => {
  if (input !== document.activeElement) input.value = inInput(value);
};
