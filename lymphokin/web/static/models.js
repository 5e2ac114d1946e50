// The same patient through other models, asked beside every settled answer: how much hangs on the
// choice of the model stands at the numbers, every model in a drawer.

import { latest } from "./api.js";
import { byId, h } from "./dom.js";
import { allLabels } from "./drugs.js";
import { meaningOf } from "./judge.js";
import { change, of100, range, unit } from "./numbers.js";
import { label, number, t } from "./words.js";

/** An answer that stands this long is one that somebody reads. */
const PAUSE_MS = 500;

const cell = (estimate) => h("td", { class: "n" }, of100(estimate), h("div", { class: "small soft" }, range(estimate)));

const about = ({ knows_drugs_a: a, knows_drugs_b: b, rests_on, reliable }) => [
  label(rests_on),
  a && b ? "" : `; ${t("models.no_drug")}`,
  reliable ? "" : h("strong", {}, `; ${t("models.unlike")}`),
];

const rowOf = (row) =>
  h(
    "tr",
    {},
    h(
      "th",
      { scope: "row", title: label(row.description) },
      row.model.replaceAll("_", " "),
      row.asked_first ? ` ${t("models.this_page")}` : "",
      h("div", { class: "small soft" }, ...about(row)),
    ),
    cell(row.a),
    cell(row.b),
    h("td", { class: "n" }, change(row.difference.of_100 ?? row.difference.p)),
  );

const span = ({ lowest, highest }, written = number) => (lowest === highest ? written(lowest) : t("number.range", { low: written(lowest), high: written(highest) }));

/** Why no other model speaks of some schedules. */
const alone = (schedules, of) => t(schedules.some((s) => s.pulses.length) ? `models.${of}_knows` : `models.${of}_says`, { drugs: allLabels() });

/** "Over 6 models: 33 to 76." */
const over = (mixture, unit, schedule) =>
  mixture && mixture.models > 1 ? t("models.over", { models: mixture.models, span: span(mixture), unit }) : alone([schedule], "none");

const tableOf = (answer) =>
  h(
    "table",
    { class: "list" },
    h("caption", {}, t("models.caption", { meaning: meaningOf(answer.endpoint), unit: unit(answer.endpoint.unit) })),
    h("thead", {}, h("tr", {}, ...[t("facts.model"), "A", "B", t("models.b_for_a")].map((name, i) => h("th", { scope: "col", class: i ? "n" : null }, name)))),
    h("tbody", {}, ...answer.models.map(rowOf)),
  );

const write = (texts) =>
  ["over-0", "over-1", "over"].forEach((id, i) => {
    if (byId(id)) byId(id).textContent = texts[i];
  });

/** The question to the other models: `ask(question)` beside a settled answer, `forget()` at a change. */
export const models = () => {
  const drawer = byId("models");
  const put = latest("models", {
    answered: (answer, { a, b }) => {
      const of = unit(answer.endpoint.unit);
      const difference = answer.difference?.models > 1 ? t("models.difference", { models: answer.difference.models, span: span(answer.difference, change), unit: of }) : alone([a, b], "no_second");
      write([over(answer.a, of, a), over(answer.b, of, b), difference]);
      drawer.replaceChildren(tableOf(answer), h("p", { class: "small soft" }, t("models.note")));
    },
    failed: (error) => {
      write(["", "", t("models.none")]);
      drawer.replaceChildren(h("p", { class: "error" }, error.message));
    },
  });
  const wait = (text) => {
    write(["", "", text]);
    drawer.replaceChildren(h("p", { class: "soft" }, text));
  };
  return {
    ask: (question) => {
      wait(t("models.asking"));
      put(question, PAUSE_MS);
    },
    forget: () => {
      put.forget();
      wait("");
    },
  };
};
