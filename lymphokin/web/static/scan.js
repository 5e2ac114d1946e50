// A map of many schedules: pick one to load it.

import { A_OR_B, B_OR_A, caveats, choice, onDemand } from "./demand.js";
import { announce, byId, h } from "./dom.js";
import { drugs, labelOf } from "./drugs.js";
import { isChance, meaningOf } from "./judge.js";
import { of100, unit } from "./numbers.js";
import { same } from "./schedule.js";
import { number, said, shortDay, t } from "./words.js";

const kinds = () => [
  ["fractions", t("scan.by_fractions")],
  ...drugs().map(({ drug, label }) => [drug, t("scan.by_pulses", { drug: label })]),
];

/** Names of the axes of a map: across and down. */
const axes = ({ kind, drug }) => {
  const name = kind === "fractions" ? "fractions" : "pulses";
  const label = drug && labelOf(drug);
  return [t(`scan.x_${name}`, { drug: label }), t(`scan.y_${name}`, { drug: label })];
};

const cellName = (answer, asked, cell) => {
  const [x, y] = axes(asked);
  const found = cell.risk ? t("scan.found", { count: of100(cell.risk), unit: unit(answer.endpoint.unit), bed: cell.bed10_gy }) : t("scan.no_number");
  const where = t("scan.cell", { x, x_value: asked.kind === "fractions" ? cell.x : shortDay(cell.x), y, y_value: cell.y, found });
  return cell.outside.length ? `${where}. ${t("scan.outside", { why: cell.outside.map(said).join("; ") })}` : where;
};

const shade = (answer, { risk }) => (risk ? `h${Math.min(9, Math.floor((10 * risk.p) / answer.endpoint.largest + 1e-9))}` : "none");

const cellButton = (answer, asked, cell, [x, y], here, load) =>
  h(
    "button",
    {
      type: "button",
      class: `heat ${shade(answer, cell)}${cell.outside.length ? " outside" : ""}${here ? " here" : ""}`,
      "aria-disabled": cell.risk ? null : "true",
      tabindex: x || y ? -1 : 0,
      "data-x": x,
      "data-y": y,
      "aria-label": cellName(answer, asked, cell),
      title: cellName(answer, asked, cell),
      onclick: () => cell.risk && load(cell),
    },
    cell.risk ? of100(cell.risk) : "–",
  );

/** The map as a table of buttons, one of which can be reached by Tab; arrows go to the others. */
const heatMap = (answer, asked, load) => {
  const button = (cell, x, y) => cellButton(answer, asked, cell, [x, y], same(cell.schedule, asked.schedule), load);
  const table = h(
    "table",
    { class: "map" },
    h("caption", {}, t("scan.caption", { meaning: meaningOf(answer.endpoint), unit: isChance(answer.endpoint) ? t("scan.unit") : unit(answer.endpoint.unit), x: axes(asked)[0], y: axes(asked)[1] })),
    h("thead", {}, h("tr", {}, h("td"), ...answer.x.map((x) => h("th", { scope: "col" }, asked.kind === "fractions" ? number(x) : shortDay(x))))),
    h(
      "tbody",
      {},
      ...answer.y.map((y, row) =>
        h("tr", {}, h("th", { scope: "row" }, number(y)), ...answer.cells[row].map((cell, column) => h("td", {}, button(cell, column, row)))),
      ),
      answer.same_bed
        ? h("tr", { class: "same" }, h("th", { scope: "row" }, t("scan.same_bed")), ...answer.same_bed.map((gy) => h("td", {}, number(gy))))
        : null,
    ),
  );
  table.addEventListener("keydown", (event) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    const { x, y } = event.target.dataset;
    const next = table.querySelector(`[data-x="${Number(x) + dx}"][data-y="${Number(y) + dy}"]`);
    if (!(dx || dy) || !next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  return table;
};

/** Build the scan. `asPlan(key)` is what is entered about a schedule; `load(key, schedule)` replaces a schedule. */
export const scan = ({ asPlan, load }) => {
  const [around, aroundLabel] = choice(t("scan.around"), A_OR_B, () => demand.check());
  const [kind, kindLabel] = choice(t("scan.vary"), kinds(), () => demand.check());
  const [into, intoLabel] = choice(t("scan.into"), B_OR_A);
  const entered = () => {
    return { ...asPlan(around.value), ...(kind.value === "fractions" ? { kind: "fractions" } : { kind: "pulses", drug: kind.value }) };
  };
  const show = (answer, asked) => {
    const take = (cell) => {
      load(into.value, cell.schedule);
      announce(t("scan.loaded", { what: cellName(answer, asked, cell), letter: into.value.toUpperCase() }));
    };
    const last = t("scan.last_row", { bed: answer.bed10_gy });
    return [
      ...caveats(answer),
      heatMap(answer, asked, take),
      h("p", { class: "small soft" }, t("scan.first_look")),
      answer.cells.flat().some((cell) => cell.outside.length)
        ? h("p", { class: "warn" }, t("scan.dotted"))
        : h("p", {}),
      ...(answer.same_bed ? [h("p", { class: "small soft" }, last)] : []),
    ];
  };
  const demand = onDemand({ path: "scan", label: t("scan.ask"), entered, show });
  byId("scan").append(h("div", { class: "line" }, aroundLabel, kindLabel, intoLabel, demand.button), demand.result);
  return demand.check;
};
