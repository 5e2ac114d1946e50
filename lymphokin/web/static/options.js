// Schedules within limits, as a list: in order of fractions and dose, never of risk.

import { A_OR_B, B_OR_A, caveats, choice, onDemand } from "./demand.js";
import { announce, byId, h } from "./dom.js";
import { meaningOf } from "./judge.js";
import { of100, range, typed, unit } from "./numbers.js";
import { inFull } from "./schedule.js";
import { number, said, t } from "./words.js";

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
      "aria-label": t(i ? "options.at_most" : "options.at_least", { what: label }),
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
    h("caption", {}, [
      t("options.note"),
      t(answer.left_out ? "options.left_out" : "options.considered", { considered: answer.considered, left: answer.left_out }),
      `${meaningOf(answer.endpoint)}.`,
      t("options.reference", { count: of100(answer.reference), unit: unit(answer.endpoint.unit) }),
    ].join(" ")),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...[t("answer.schedule"), unit(answer.endpoint.unit), "90 %", t("options.difference"), "BED (Gy)", t("options.days")].map((name, i) => h("th", { scope: "col", class: i ? "n" : null }, name)),
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
          h("th", { scope: "row" }, inFull(option.schedule), option.outside.length ? h("div", { class: "warn" }, option.outside.map(said).join("; ")) : null),
          h("td", { class: "n" }, h("b", { class: option.outside.length ? "outside" : null }, of100(option.risk))),
          h("td", { class: "n soft" }, range(option.risk)),
          h("td", { class: "n" }, number(option.difference)),
          h("td", { class: "n" }, number(option.bed10_gy)),
          h("td", { class: "n" }, number(option.course_days)),
          h("td", {}, h("button", { type: "button", "aria-label": t("options.load_this", { what: inFull(option.schedule) }), onclick: () => take(option) }, t("options.load"))),
        ),
      ),
    ),
  );

/** Build the search; `bed()` is the BED of schedule A, or null. */
export const options = ({ asPlan, load, bed }) => {
  const check = () => demand.check();
  const [around, aroundLabel] = choice(t("options.with"), A_OR_B, check);
  const [into, intoLabel] = choice(t("scan.into"), B_OR_A);
  const [bedOf, bedField, bedInputs] = fromTo(t("options.bed"), ["", ""], check);
  const [countOf, countField] = fromTo(t("options.fractions"), [1, 10], check);
  const [gyOf, gyField] = fromTo(t("options.gy"), [2, 24], check);
  const [daysOf, daysField] = choice(t("options.longest"), [1, 2, 3].map((n) => [7 * n, t("options.weeks", { n })]), check);
  daysOf.value = 14;
  const entered = () => {
    const limits = { bed10_gy: bedOf(), fractions: countOf(), gy: gyOf(), longest_course_days: Number(daysOf.value) };
    return { ...asPlan(around.value), ...limits };
  };
  const show = (answer) => {
    const take = (option) => {
      load(into.value, option.schedule);
      announce(t("scan.loaded", { what: inFull(option.schedule), letter: into.value.toUpperCase() }));
    };
    return answer.options.length ? [...caveats(answer), listOf(answer, take)] : [h("p", {}, t("options.none"))];
  };
  const demand = onDemand({ path: "options", label: t("options.ask"), entered, show });
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
