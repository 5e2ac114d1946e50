// The same patient through other models, asked beside every settled answer: how much hangs on the
// choice of the model stands at the numbers, every model in a drawer.

import { latest } from "./api.js";
import { byId, h } from "./dom.js";
import { allLabels } from "./drugs.js";
import { of100, range, signed } from "./numbers.js";

/** An answer that stands this long is one that somebody reads. */
const PAUSE_MS = 500;
const HEAD = ["Model", "A", "B", "A − B"];

const cell = (estimate) => h("td", { class: "n" }, of100(estimate), h("div", { class: "small soft" }, range(estimate)));

const about = ({ knows_drugs_a: a, knows_drugs_b: b, rests_on, reliable }) => [
  rests_on,
  a && b ? "" : "; does not know the drugs",
  reliable ? "" : h("strong", {}, "; the counts are unlike what it expects"),
];

const rowOf = (row) =>
  h(
    "tr",
    {},
    h(
      "th",
      { scope: "row", title: row.description },
      row.model.replaceAll("_", " "),
      row.asked_first ? " (this page)" : "",
      h("div", { class: "small soft" }, ...about(row)),
    ),
    cell(row.a),
    cell(row.b),
    h("td", { class: "n" }, signed(row.difference.of_100 ?? row.difference.p)),
  );

const span = ({ lowest, highest }) => (lowest === highest ? signed(lowest) : `${signed(lowest)} to ${signed(highest)}`);

/** Why no other model speaks of some schedules. */
const alone = (schedules) => (schedules.some((s) => s.pulses.length) ? `no other model here knows ${allLabels()}` : "no other model here can say");

/** "Over 6 models: 33 to 76." */
const said = (mixture, unit, schedule) =>
  mixture && mixture.models > 1 ? `Over ${mixture.models} models: ${span(mixture)} ${unit}.` : alone([schedule]).replace("no", "No") + ".";

const tableOf = (answer) =>
  h(
    "table",
    { class: "list" },
    h("caption", {}, `${answer.endpoint.meaning}, ${answer.endpoint.unit}, with 90 % intervals`),
    h("thead", {}, h("tr", {}, ...HEAD.map((name) => h("th", { scope: "col", class: name === "Model" ? null : "n" }, name)))),
    h("tbody", {}, ...answer.models.map(rowOf)),
  );

const NOTE =
  "Every model that knows the drugs has the same weight: nothing says which is right for this patient. One that does not know a drug is not counted where it is given: its pulses change nothing in it.";

const write = (texts) =>
  ["over-0", "over-1", "over"].forEach((id, i) => {
    if (byId(id)) byId(id).textContent = texts[i];
  });

/** The question to the other models: `ask(question)` beside a settled answer, `forget()` at a change. */
export const models = () => {
  const drawer = byId("models");
  const put = latest("models", {
    answered: (answer, { a, b }) => {
      const { unit } = answer.endpoint;
      const difference = answer.difference?.models > 1 ? `A minus B over ${answer.difference.models} models: ${span(answer.difference)} ${unit}.` : `A minus B has no second opinion: ${alone([a, b])}.`;
      write([said(answer.a, unit, a), said(answer.b, unit, b), difference]);
      drawer.replaceChildren(tableOf(answer), h("p", { class: "small soft" }, NOTE));
    },
    failed: (error) => {
      write(["", "", "Other models gave no answer."]);
      drawer.replaceChildren(h("p", { class: "error" }, error.message));
    },
  });
  const wait = (text) => {
    write(["", "", text]);
    drawer.replaceChildren(h("p", { class: "soft" }, text));
  };
  return {
    ask: (question) => {
      wait("Other models are being asked…");
      put(question, PAUSE_MS);
    },
    forget: () => {
      put.forget();
      wait("");
    },
  };
};
