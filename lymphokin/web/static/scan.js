// A map of many schedules: pick one to load it.

import { A_OR_B, B_OR_A, choice, onDemand } from "./demand.js";
import { announce, byId, h } from "./dom.js";
import { drugs } from "./drugs.js";
import { isChance } from "./judge.js";
import { of100 } from "./numbers.js";
import { same } from "./schedule.js";

const kinds = () => [
  ["fractions", "number of fractions × Gy per fraction"],
  ...drugs().map(({ drug, label }) => [drug, `first day of ${label} × number of pulses`]),
];

const cellName = (answer, cell) =>
  `${answer.x_label} ${cell.x}, ${answer.y_label} ${cell.y}: ${cell.risk ? `${of100(cell.risk)} ${answer.endpoint.unit}, BED ${cell.bed10_gy} Gy` : "no number"}${cell.outside ? `. Outside: ${cell.outside}` : ""}`;

const shade = (answer, { risk }) => (risk ? `h${Math.min(9, Math.floor((10 * risk.p) / answer.endpoint.largest + 1e-9))}` : "none");

const cellButton = (answer, cell, [x, y], here, load) =>
  h(
    "button",
    {
      type: "button",
      class: `heat ${shade(answer, cell)}${cell.outside ? " outside" : ""}${here ? " here" : ""}`,
      "aria-disabled": cell.risk ? null : "true",
      tabindex: x || y ? -1 : 0,
      "data-x": x,
      "data-y": y,
      "aria-label": cellName(answer, cell),
      title: cellName(answer, cell),
      onclick: () => cell.risk && load(cell),
    },
    cell.risk ? of100(cell.risk) : "–",
  );

/** The map as a table of buttons, one of which can be reached by Tab; arrows go to the others. */
const heatMap = (answer, asked, load) => {
  const button = (cell, x, y) => cellButton(answer, cell, [x, y], same(cell.schedule, asked.schedule), load);
  const table = h(
    "table",
    { class: "map" },
    h("caption", {}, `${answer.endpoint.meaning}, ${answer.endpoint.unit}${isChance(answer.endpoint) ? " patients like this" : ""}. Down: ${answer.y_label}. Across: ${answer.x_label}. Press a number to load its schedule.`),
    h("thead", {}, h("tr", {}, h("td"), ...answer.x.map((x) => h("th", { scope: "col" }, `${x}`)))),
    h(
      "tbody",
      {},
      ...answer.y.map((y, row) =>
        h("tr", {}, h("th", { scope: "row" }, `${y}`), ...answer.cells[row].map((cell, column) => h("td", {}, button(cell, column, row)))),
      ),
      answer.same_bed
        ? h("tr", { class: "same" }, h("th", { scope: "row" }, "same BED"), ...answer.same_bed.map((gy) => h("td", {}, `${gy}`)))
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

/** Build the scan. `question()` is what is entered; `load(key, schedule)` replaces a schedule. */
export const scan = ({ question, load }) => {
  const [around, aroundLabel] = choice("Around schedule", A_OR_B, () => demand.check());
  const [kind, kindLabel] = choice("vary", kinds(), () => demand.check());
  const [into, intoLabel] = choice("load into", B_OR_A);
  const entered = () => {
    const { patient, endpoint, ...both } = question();
    return { patient, schedule: both[around.value], ...(kind.value === "fractions" ? { kind: "fractions" } : { kind: "pulses", drug: kind.value }), endpoint };
  };
  const show = (answer, asked) => {
    const take = (cell) => {
      load(into.value, cell.schedule);
      announce(`${cellName(answer, cell)} loaded into schedule ${into.value.toUpperCase()}`);
    };
    const last = `Last row: Gy per fraction with the BED (α/β 10 Gy) of the outlined schedule, ${answer.bed10_gy} Gy.`;
    return [
      ...answer.warnings.map((w) => h("p", { class: "warn" }, w.text)),
      heatMap(answer, asked, take),
      h("p", { class: "small soft" }, "A first look: a cell may differ by 2 or 3 from the answer to its schedule."),
      answer.cells.flat().some((cell) => cell.outside)
        ? h("p", { class: "warn" }, "A dotted frame: outside what the model has seen, so that its number is a guess; –: so far outside that there is none. Each cell says why.")
        : h("p", {}),
      ...(answer.same_bed ? [h("p", { class: "small soft" }, last)] : []),
    ];
  };
  const demand = onDemand({ path: "scan", label: "Scan", entered, show });
  byId("scan").append(h("div", { class: "line" }, aroundLabel, kindLabel, intoLabel, demand.button), demand.result);
  return demand.check;
};
