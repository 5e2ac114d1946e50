// How well the risks came true: predicted against happened, as a picture and as a table.

import { h, s } from "./dom.js";
import { chance, hundredths } from "./numbers.js";
import { number, said, t } from "./words.js";

const SIDE = 130;
const LEFT = 42;
const TOP = 8;

const x = (share) => LEFT + SIDE * share;
const y = (share) => TOP + SIDE * (1 - share);

const axis = (share) => [
  s("text", { x: x(share), y: TOP + SIDE + 14, "text-anchor": "middle" }, `${hundredths(share)}`),
  s("text", { x: LEFT - 5, y: y(share) + 4, "text-anchor": "end" }, `${hundredths(share)}`),
];

const point = (group) => [
  s("line", { class: "bar", x1: x(group.risk), x2: x(group.risk), y1: y(group.low), y2: y(group.high) }),
  s("circle", { class: "dot", cx: x(group.risk), cy: y(group.happened), r: 3.5 }),
];

const picture = (groups) =>
  s(
    "svg",
    { class: "calibration", viewBox: `0 0 ${LEFT + SIDE + 12} ${TOP + SIDE + 32}`, "aria-hidden": "true" },
    s("rect", { class: "frame", x: LEFT, y: TOP, width: SIDE, height: SIDE }),
    s("line", { class: "ideal", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
    ...[0, 0.5, 1].flatMap(axis),
    ...groups.flatMap(point),
    s("text", { x: x(0.5), y: TOP + SIDE + 28, "text-anchor": "middle" }, t("calibration.x")),
    s("text", { transform: `translate(11 ${y(0.5)}) rotate(-90)`, "text-anchor": "middle" }, t("calibration.y")),
  );

const tableOf = (groups) =>
  h(
    "table",
    { class: "list" },
    h("caption", {}, t("calibration.caption")),
    h("thead", {}, h("tr", {}, ...[t("calibration.patients"), t("calibration.predicted"), t("calibration.happened")].map((name) => h("th", { scope: "col", class: "n" }, name)))),
    h(
      "tbody",
      {},
      ...groups.map((g) =>
        h(
          "tr",
          {},
          h("td", { class: "n" }, number(g.patients)),
          h("td", { class: "n" }, chance(g.risk)),
          h("td", { class: "n" }, `${hundredths(g.happened)} (${t("number.range", { low: hundredths(g.low), high: hundredths(g.high) })})`),
        ),
      ),
    ),
  );

/** What is known about the calibration; nothing where nothing is. */
export const calibration = (known) =>
  known === null
    ? []
    : [
        h("h3", {}, t("calibration.title")),
        h("p", {}, said(known.message)),
        known.groups.length ? h("div", { class: "columns" }, picture(known.groups), tableOf(known.groups)) : null,
      ];
