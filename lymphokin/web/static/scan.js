// A map of many schedules: pick one to load it.

import { latest } from "./api.js";
import { announce, byId, h } from "./dom.js";
import { of100 } from "./numbers.js";
import { same } from "./schedule.js";

const KINDS = [
  { value: "fractions", label: "number of fractions × Gy per fraction" },
  { value: "atra", label: "first day of ATRA × number of pulses" },
];

const select = (id, options) =>
  h("select", { id }, ...options.map(({ value, label }) => h("option", { value }, label)));

const cellName = (answer, cell) =>
  `${answer.x_label} ${cell.x}, ${answer.y_label} ${cell.y}: ${of100(cell.risk)} of 100, BED ${cell.bed10_gy} Gy`;

/** The map as a table of buttons, one of which can be reached by Tab; arrows go to the others. */
const heatMap = (answer, asked, load) => {
  const button = (cell, x, y) =>
    h(
      "button",
      {
        type: "button",
        class: `heat h${Math.min(9, Math.floor(cell.risk.of_100 / 10))}${same(cell.schedule, asked.schedule) ? " here" : ""}`,
        tabindex: x || y ? -1 : 0,
        "data-x": x,
        "data-y": y,
        "aria-label": cellName(answer, cell),
        title: cellName(answer, cell),
        onclick: () => load(cell),
      },
      of100(cell.risk),
    );
  const table = h(
    "table",
    { class: "map" },
    h("caption", {}, `Of 100 patients like this, how many have grade ≥ 2 at the 6-week visit. Down: ${answer.y_label}. Across: ${answer.x_label}. Press a number to load its schedule.`),
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

/**
 * Build the scan. `question()` is what is entered; `load(key, schedule)` replaces a schedule.
 * Returns what is to be called after every change: a map of something else is taken away.
 */
export const scan = ({ question, load }) => {
  const around = select("scan-around", [{ value: "a", label: "A" }, { value: "b", label: "B" }]);
  const kind = select("scan-kind", KINDS);
  const into = select("scan-into", [{ value: "b", label: "B" }, { value: "a", label: "A" }]);
  const result = h("div", { class: "scroll", id: "scan-result", "aria-live": "polite" });
  let shown = null;
  const entered = () => {
    const { patient, draws, ...both } = question();
    return { patient, schedule: both[around.value], kind: kind.value, draws };
  };
  const ask = latest("scan", 0, {
    answered: (answer, asked) => {
      const take = (cell) => {
        load(into.value, cell.schedule);
        announce(`${cellName(answer, cell)} loaded into schedule ${into.value.toUpperCase()}`);
      };
      result.replaceChildren(...answer.warnings.map((w) => h("p", { class: "warn" }, w.text)), heatMap(answer, asked, take));
      if (answer.same_bed) result.append(h("p", { class: "small soft" }, `Last row: Gy per fraction with the BED (α/β 10 Gy) of the outlined schedule, ${answer.bed10_gy} Gy.`));
    },
    failed: (error) => result.replaceChildren(h("p", { class: "error" }, error.message)),
  });
  const run = () => {
    shown = entered();
    result.replaceChildren(h("p", {}, "Scanning…"));
    ask(shown);
  };
  const check = () => {
    if (shown === null || JSON.stringify(shown) === JSON.stringify(entered())) return;
    shown = null;
    ask.forget();
    result.replaceChildren(h("p", { class: "soft" }, "What is entered has changed: scan again."));
  };
  for (const choice of [around, kind]) choice.addEventListener("change", check);
  byId("scan").append(
    h(
      "div",
      { class: "line" },
      h("label", {}, "Around schedule", around),
      h("label", {}, "vary", kind),
      h("label", {}, "load into", into),
      h("button", { type: "button", id: "scan-run", onclick: run }, "Scan"),
    ),
    result,
  );
  return check;
};
