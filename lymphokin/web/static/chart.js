// The course of a count over days under both schedules: fans, grades, doses and visits, in one drawing.

import { s } from "./dom.js";
import { number, shortDay, t } from "./words.js";

const LEFT = 44;
const RIGHT = 16;
const ROW = 12;
const GAP = 8;
/** Least room for the name of a day, px. */
const NAME = 46;
const GRADES = [
  { below: 0.8, above: 0.5, grade: 2, kind: "two" },
  { below: 0.5, above: 0.2, grade: 3, kind: "three" },
  { below: 0.2, above: 0, grade: 4, kind: "four" },
];
const TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

const line = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;

/**
 * Smallest and largest value of an axis: ticks that hold all curves, so that it does not move when
 * they move a little.
 */
export const valueLimits = (fans, measured, atLeast) => {
  const values = [...atLeast, ...measured.map((m) => m.value)];
  for (const fan of fans) values.push(...fan.q05, ...fan.q95);
  const kept = values.filter((v) => Number.isFinite(v) && v > 0);
  const [low, high] = [Math.min(...kept), Math.max(...kept)];
  return [TICKS.findLast((tick) => tick <= low) ?? TICKS[0], TICKS.find((tick) => tick >= high) ?? TICKS.at(-1)];
};

/** First and last day of an axis: whole fortnights, so that it does not move with every fraction. */
export const dayLimits = (first, last, [earliest, latest]) => [
  Math.max(earliest, 14 * Math.floor(first / 14)),
  Math.min(latest, 14 * Math.ceil(last / 14)),
];

/** What is given under a plan, row by row along the bottom. */
const doseRows = (doses, x, bottom) => {
  const parts = [];
  let row = 0;
  const name = (text) => s("text", { class: "axis", x: LEFT - 5, y: bottom + GAP + 9 + ROW * row, "text-anchor": "end" }, text);
  for (const { letter, kind, fractions, drugs } of doses) {
    const ticks = fractions.map((day) => s("path", { class: "fraction", d: `M${x(day)} ${bottom + GAP + ROW * row}v9` }));
    parts.push(s("g", { class: kind }, name(`${letter} ${t("chart.rt")}`), ...ticks));
    row += 1;
    for (const { label, other, pulses } of drugs) {
      const top = bottom + GAP + 1 + ROW * row;
      parts.push(name(label), ...pulses.map(([first, last]) => s("rect", { class: other ? "pulse other" : "pulse", x: x(first), y: top, width: Math.max(3, x(last) - x(first)), height: 8 })));
      row += 1;
    }
  }
  return parts;
};

const rowsOf = (doses) => doses.reduce((rows, { drugs }) => rows + 1 + drugs.length, 0);

/** Where each schedule is judged; said once where it is the same for both. */
const visits = (judged, x, lastDay) => {
  const same = `${judged[0]}` === `${judged[1]}`;
  return (same ? judged.slice(0, 1) : judged).flatMap(([first, last], i) => {
    const name = t(first === last ? "calendar.visit" : "chart.judged");
    const days = [...new Set([first, last])].filter((day) => day <= lastDay);
    return days.map((day, k) => [
      s("path", { class: "visit", d: `M${x(day)} 8V${x.bottom}` }),
      k === days.length - 1 ? s("text", { class: "axis visit-name", x: x(day) - 4, y: 18 + 12 * i, "text-anchor": "end" }, same ? name : `${name} ${"AB"[i]}`) : null,
    ]);
  });
};

/**
 * Fans of both schedules on a logarithmic axis.
 *
 * `fans`: { letter, kind, days, q05 ... q95 }; `measured`: counts so far; `doses`: what each plan
 * gives; `judged`: first and last day of what is judged, of each plan.
 */
export const chart = ({ fans, limits, days, width, height, measured, unit, grades, doses = [], judged, label }) => {
  const bottom = height - 20 - (doses.length ? GAP + ROW * rowsOf(doses) : 0);
  const x = (day) => LEFT + ((day - days[0]) / (days[1] - days[0])) * (width - LEFT - RIGHT);
  x.bottom = bottom;
  const log = Math.log(limits[1] / limits[0]);
  const y = (value) => bottom - (Math.log(Math.min(Math.max(value, limits[0]), limits[1]) / limits[0]) / log) * (bottom - 8);
  const curve = (fan, name) => fan.days.map((day, i) => [x(day), y(fan[name][i])]);
  const band = (fan, low, high, kind) => s("path", { class: kind, d: `${line([...curve(fan, low), ...curve(fan, high).reverse()])}Z` });
  const parts = [];
  for (const grade of grades ? GRADES.filter((g) => g.below > limits[0]) : []) {
    const top = y(grade.below);
    const foot = y(Math.max(grade.above, limits[0]));
    parts.push(s("rect", { class: `grade ${grade.kind}`, x: LEFT, y: top, width: width - LEFT - RIGHT, height: foot - top }));
    if (foot - top > 12) parts.push(s("text", { class: "grade-name", x: LEFT + 4, y: foot - 3 }, t("chart.grade", { grade: grade.grade })));
  }
  const step = (14 * (width - LEFT - RIGHT)) / (days[1] - days[0]) < NAME ? 28 : 14;
  for (let day = Math.ceil(days[0] / step) * step; day <= days[1]; day += step)
    parts.push(
      s("path", { class: "tick", d: `M${x(day)} 8V${bottom}` }),
      s("text", { class: "axis", x: x(day), y: height - 6, "text-anchor": "middle" }, shortDay(day)),
    );
  for (const value of TICKS.filter((v) => v >= limits[0] && v <= limits[1]))
    parts.push(s("text", { class: "axis", x: LEFT - 5, y: y(value) + 3.5, "text-anchor": "end" }, number(value)));
  for (const fan of fans) parts.push(s("g", { class: fan.kind }, band(fan, "q05", "q95", "fan outer"), band(fan, "q25", "q75", "fan inner")));
  if (grades) parts.push(s("path", { class: "limit", d: `M${LEFT} ${y(0.8)}H${width - RIGHT}` }));
  for (const fan of fans) {
    const ends = curve(fan, "q50");
    const [endX, endY] = ends.at(-1);
    parts.push(s("g", { class: fan.kind }, s("path", { class: "median", d: line(ends) }), s("text", { class: "letter-name", x: endX + 3, y: endY + (fan.kind === "a" ? -2 : 10) }, fan.letter)));
  }
  parts.push(...visits(judged, x, days[1]).flat());
  for (const { day, value, below } of measured)
    parts.push(below ? s("path", { class: "measured", d: `M${x(day) - 4} ${y(value)}h8l-4 7z` }) : s("circle", { class: "measured", cx: x(day), cy: y(value), r: 3.6 }));
  if (doses.length) parts.push(s("path", { class: "frame", d: `M${LEFT} ${bottom}H${width - RIGHT}` }), ...doseRows(doses, x, bottom));
  return s("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...parts.filter(Boolean));
};
