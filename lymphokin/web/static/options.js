// Schedules within limits, as a list: in order of fractions and dose, never of risk.

import { A_OR_B, B_OR_A, choice, onDemand } from "./demand.js";
import { announce, byId, h } from "./dom.js";
import { of100, range, signed, typed } from "./numbers.js";

/** Limits of the BED to begin with, as shares of that of schedule A. */
const SHARE_OF_BED = [0.9, 1.1];

const fromTo = (label, values, onchange) => {
  const inputs = values.map((value, i) =>
    h("input", {
      type: "text",
      inputmode: "decimal",
      autocomplete: "off",
      maxlength: 8,
      value,
      "aria-label": `${label}, ${i ? "at most" : "at least"}`,
      onchange,
    }),
  );
  const element = h("div", { class: "range", role: "group", "aria-label": label }, h("span", {}, label), h("span", { class: "pair" }, inputs[0], "–", inputs[1]));
  return [() => inputs.map((input) => typed(input.value)), element, inputs];
};

const listOf = (answer, take) =>
  h(
    "table",
    { class: "list" },
    h("caption", {}, `${answer.note} ${answer.considered} schedules considered${answer.left_out ? `, ${answer.left_out} of them left out: too far outside what the model has seen` : ""}. ${answer.endpoint.meaning}. The schedule asked about: ${of100(answer.reference)} ${answer.endpoint.unit}.`),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...["Schedule", answer.endpoint.unit, "90 %", "difference", "BED (Gy)", "days"].map((name, i) => h("th", { scope: "col", class: i ? "n" : null }, name)),
        h("td"),
      ),
    ),
    h(
      "tbody",
      {},
      ...answer.options.map((option) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, option.label, option.outside ? h("div", { class: "warn" }, option.outside) : null),
          h("td", { class: "n" }, h("b", {}, of100(option.risk))),
          h("td", { class: "n soft" }, range(option.risk)),
          h("td", { class: "n" }, signed(option.difference)),
          h("td", { class: "n" }, `${option.bed10_gy}`),
          h("td", { class: "n" }, `${option.course_days}`),
          h("td", {}, h("button", { type: "button", "aria-label": `Load ${option.label}`, onclick: () => take(option) }, "Load")),
        ),
      ),
    ),
  );

/** Build the search; `bed()` is the BED of schedule A, or null. */
export const options = ({ question, load, bed }) => {
  const check = () => demand.check();
  const [around, aroundLabel] = choice("Compare with", A_OR_B, check);
  const [into, intoLabel] = choice("load into", B_OR_A);
  const [bedOf, bedField, bedInputs] = fromTo("BED, α/β 10 Gy", ["", ""], check);
  const [countOf, countField] = fromTo("fractions", [1, 10], check);
  const [gyOf, gyField] = fromTo("Gy per fraction", [2, 24], check);
  const [daysOf, daysField] = choice("course of at most", [[7, "1 week"], [14, "2 weeks"], [21, "3 weeks"]], check);
  daysOf.value = 14;
  const entered = () => {
    const { patient, endpoint, ...both } = question();
    const limits = { bed10_gy: bedOf(), fractions: countOf(), gy: gyOf(), longest_course_days: Number(daysOf.value) };
    return { patient, schedule: both[around.value], ...limits, endpoint };
  };
  const show = (answer) => {
    const take = (option) => {
      load(into.value, option.schedule);
      announce(`${option.label} loaded into schedule ${into.value.toUpperCase()}`);
    };
    return answer.options.length ? [listOf(answer, take)] : [h("p", {}, "No schedule lies within these limits.")];
  };
  const demand = onDemand({ path: "options", label: "List schedules", entered, show });
  byId("options").append(
    h("div", { class: "line" }, aroundLabel, bedField, countField, gyField, daysField, intoLabel, demand.button),
    demand.result,
  );
  byId("options-drawer").addEventListener("toggle", () => {
    if (bedInputs.some((input) => input.value) || bed() === null) return;
    bedInputs.forEach((input, i) => (input.value = Math.round(SHARE_OF_BED[i] * bed())));
  });
  return demand.check;
};
