// What a further count would teach, before it is measured.

import { A_OR_B, choice, onDemand } from "./demand.js";
import { byId, h } from "./dom.js";
import { isChance } from "./judge.js";
import { hundredths, of100, signed, written } from "./numbers.js";

const tableOf = (answer) =>
  h(
    "table",
    { class: "list" },
    h("caption", {}, `${answer.endpoint.meaning}. Now ${of100(answer.risk)} ${answer.endpoint.unit}. After one more lymphocyte count on a day it would be, ${answer.endpoint.unit}:`),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...["Day of the count", "if it is low", "if it is high", "uncertainty it removes"].map((name, i) => h("th", { scope: "col", class: i ? "n" : null }, name)),
      ),
    ),
    h(
      "tbody",
      {},
      ...answer.rows.map((row) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, signed(row.day)),
          h("td", { class: "n" }, written(row.risk_if_low, isChance(answer.endpoint))),
          h("td", { class: "n" }, written(row.risk_if_high, isChance(answer.endpoint))),
          h("td", { class: "n" }, `${hundredths(row.variance_explained)} %`),
        ),
      ),
    ),
  );

/** Build the question of the next count. */
export const narrowing = ({ question }) => {
  const [under, underLabel] = choice("Under schedule", A_OR_B, () => demand.check());
  const entered = () => {
    const { patient, endpoint, ...both } = question();
    return { patient, schedule: both[under.value], endpoint };
  };
  const note = "Low and high: its 10 % and 90 % quantiles. Uncertainty: expected share of the outcome’s variance.";
  const show = (answer) => [tableOf(answer), h("p", { class: "small soft" }, note)];
  const demand = onDemand({ path: "narrowing", label: "Ask", entered, show });
  byId("narrowing").append(h("div", { class: "line" }, underLabel, demand.button), demand.result);
  return demand.check;
};
