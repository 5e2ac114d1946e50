// The same patient through other models: how much hangs on the choice of the model.

import { onDemand } from "./demand.js";
import { byId, h } from "./dom.js";
import { of100, range, signed } from "./numbers.js";

const HEAD = ["Model", "A", "B", "A − B"];

const cell = (estimate) => h("td", { class: "n" }, of100(estimate), h("div", { class: "small soft" }, range(estimate)));

const about = ({ knows_drugs, rests_on, reliable }) => [
  rests_on,
  knows_drugs ? "" : "; does not know the drugs",
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

const said = (letter, mixture, { unit }) => `${letter}: ${mixture.lowest} to ${mixture.highest} ${unit}, on average ${mixture.mean}.`;

const tableOf = (answer) =>
  h(
    "table",
    { class: "list" },
    h("caption", {}, `${answer.endpoint.meaning}, ${answer.endpoint.unit}, with 90 % intervals`),
    h("thead", {}, h("tr", {}, ...HEAD.map((name) => h("th", { scope: "col", class: name === "Model" ? null : "n" }, name)))),
    h("tbody", {}, ...answer.models.map(rowOf)),
  );

/** Build the question to the other models. */
export const models = ({ question }) => {
  const note = "Every model with the same weight: nothing says which is right for this patient. To one that does not know a drug, its pulses change nothing.";
  const show = (answer) => [
    h("p", {}, said("A", answer.a, answer.endpoint), " ", said("B", answer.b, answer.endpoint)),
    tableOf(answer),
    h("p", { class: "small soft" }, note),
  ];
  const demand = onDemand({ path: "models", label: "Ask them", entered: question, show });
  byId("models").append(h("div", { class: "line" }, demand.button, h("span", { class: "small soft" }, "The first time takes up to a minute.")), demand.result);
  return demand.check;
};
