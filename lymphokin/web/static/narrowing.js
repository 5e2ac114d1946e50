// What a further count would teach, before it is measured.

import { A_OR_B, caveats, choice, onDemand } from "./demand.js";
import { byId, h } from "./dom.js";
import { isChance, meaningOf } from "./judge.js";
import { hundredths, of100, unit, written } from "./numbers.js";
import { shortDay, t } from "./words.js";

const tableOf = (answer) =>
  h(
    "table",
    { class: answer.outside.length ? "list outside" : "list" },
    h("caption", {}, t("narrowing.caption", { meaning: meaningOf(answer.endpoint), count: of100(answer.risk), unit: unit(answer.endpoint.unit) })),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...["narrowing.day", "narrowing.low", "narrowing.high", "narrowing.removes"].map((key) => t(key)).map((name, i) => h("th", { scope: "col", class: i ? "n" : null }, name)),
      ),
    ),
    h(
      "tbody",
      {},
      ...answer.rows.map((row) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, shortDay(row.day)),
          ...[row.risk_if_low, row.risk_if_high].map((risk) => h("td", { class: "n" }, h("b", {}, written(risk, isChance(answer.endpoint))))),
          h("td", { class: "n" }, t("number.percent", { value: hundredths(row.variance_explained) })),
        ),
      ),
    ),
  );

/** Build the question of the next count. */
export const narrowing = ({ asPlan }) => {
  const [under, underLabel] = choice(t("narrowing.under"), A_OR_B, () => demand.check());
  const entered = () => asPlan(under.value);
  const note = t("narrowing.note");
  const show = (answer) => [...caveats(answer), tableOf(answer), h("p", { class: "small soft" }, note)];
  const demand = onDemand({ path: "narrowing", label: t("narrowing.ask"), entered, show });
  byId("narrowing").append(h("div", { class: "line" }, underLabel, demand.button), demand.result);
  return demand.check;
};
