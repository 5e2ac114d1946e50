// Questions of seconds: asked when a button is pressed, and taken away when what is entered changes.

import { latest } from "./api.js";
import { h } from "./dom.js";
import { said, t } from "./words.js";

/**
 * A button and the place of its result. `entered()` is the question; `show(answer, question)` gives
 * the elements of the result. Returns button, result and `check()`, to be called after every change.
 */
export const onDemand = ({ path, label, entered, show }) => {
  const result = h("div", { class: "scroll", "aria-live": "polite" });
  let asked = null;
  const ask = latest(path, {
    answered: (answer, question) => result.replaceChildren(...show(answer, question)),
    failed: (error) => result.replaceChildren(h("p", { class: "error" }, error.message)),
  });
  const run = () => {
    asked = entered();
    result.replaceChildren(h("p", {}, t("page.asking")));
    ask(asked);
  };
  const check = () => {
    if (asked === null || JSON.stringify(asked) === JSON.stringify(entered())) return;
    asked = null;
    ask.forget();
    result.replaceChildren(h("p", { class: "soft" }, t("demand.changed")));
  };
  return { button: h("button", { type: "button", class: "ask", onclick: run }, label), result, check };
};

/** What to know before the numbers of an answer are believed. */
export const caveats = ({ warnings = [], outside = [], assumption }) =>
  [...warnings.map((w) => w.message), ...outside, assumption].filter(Boolean).map((message) => h("p", { class: "warn" }, said(message)));

/** A choice with a label above it. */
export const choice = (label, options, onchange) => {
  const select = h("select", { onchange }, ...options.map(([value, text]) => h("option", { value }, text)));
  return [select, h("label", {}, label, select)];
};

export const A_OR_B = [
  ["a", "A"],
  ["b", "B"],
];
export const B_OR_A = [...A_OR_B].reverse();
