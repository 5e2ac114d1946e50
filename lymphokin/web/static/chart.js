// The course of a count over days: fans, grades, doses and the visit, in one drawing.

import { s } from "./dom.js";
import { signed } from "./numbers.js";

const LEFT = 40;
const RIGHT = 8;
const ROW = 11;
const GRADES = [
  { below: 0.8, above: 0.5, name: "grade 2", kind: "two" },
  { below: 0.5, above: 0.2, name: "grade 3", kind: "three" },
  { below: 0.2, above: 0, name: "grade 4", kind: "four" },
];
const TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

const line = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;

/** Smallest and largest value that all curves of one kind need, so that A and B share an axis. */
export const valueLimits = (courses, measured, atLeast) => {
  const values = [...atLeast, ...measured.map((m) => m.value)];
  for (const course of courses) values.push(...course.q05, ...course.q95);
  const kept = values.filter((v) => Number.isFinite(v) && v > 0);
  return [Math.min(...kept) / 1.12, Math.max(...kept) * 1.12];
};

/**
 * A fan of one course on a logarithmic axis.
 *
 * `course`: days and quantiles q05 ... q95 of the same length; `other`: the other schedule's
 * course, drawn as a dashed median; `doses`: fraction days and pulses, drawn along the bottom;
 * `judged`: first and last day of what is judged.
 */
export const chart = (options) => {
  const { course, other, limits, days, width, height, measured = [], unit, grades, doses, judged } = options;
  const bottom = height - 20 - (doses ? 15 + ROW * doses.drugs.length : 0);
  const x = (day) => LEFT + ((day - days[0]) / (days[1] - days[0])) * (width - LEFT - RIGHT);
  const log = Math.log(limits[1] / limits[0]);
  const y = (value) =>
    bottom - (Math.log(Math.min(Math.max(value, limits[0]), limits[1]) / limits[0]) / log) * (bottom - 8);
  const curve = (of, name) => of.days.map((day, i) => [x(day), y(of[name][i])]);
  const band = (low, high, kind) =>
    s("path", { class: kind, d: `${line([...curve(course, low), ...curve(course, high).reverse()])}Z` });
  const parts = [];
  if (grades) {
    for (const grade of GRADES.filter((g) => g.below > limits[0])) {
      const top = y(grade.below);
      const foot = y(Math.max(grade.above, limits[0]));
      parts.push(
        s("rect", { class: `grade ${grade.kind}`, x: LEFT, y: top, width: width - LEFT - RIGHT, height: foot - top }),
      );
      if (foot - top > 12)
        parts.push(s("text", { class: "grade-name", x: LEFT + 4, y: foot - 3 }, grade.name));
    }
  }
  for (let day = Math.ceil(days[0] / 14) * 14; day <= days[1]; day += 14)
    parts.push(
      s("path", { class: "tick", d: `M${x(day)} 8V${bottom}` }),
      s("text", { class: "axis", x: x(day), y: height - 6, "text-anchor": "middle" }, signed(day)),
    );
  for (const value of TICKS.filter((v) => v > limits[0] && v < limits[1]))
    parts.push(s("text", { class: "axis", x: LEFT - 5, y: y(value) + 3.5, "text-anchor": "end" }, `${value}`));
  parts.push(band("q05", "q95", "fan outer"), band("q25", "q75", "fan inner"));
  if (grades) parts.push(s("path", { class: "limit", d: `M${LEFT} ${y(0.8)}H${width - RIGHT}` }));
  if (other) parts.push(s("path", { class: "median other", d: line(curve(other, "q50")) }));
  parts.push(s("path", { class: "median", d: line(curve(course, "q50")) }));
  const ends = [...new Set(judged)].filter((day) => day <= days[1]);
  ends.forEach((day, i) =>
    parts.push(
      s("path", { class: "visit", d: `M${x(day)} 8V${bottom}` }),
      i === ends.length - 1 ? s("text", { class: "axis visit-name", x: x(day) - 4, y: 18, "text-anchor": "end" }, judged[0] === judged[1] ? "visit" : "judged") : null,
    ),
  );
  for (const point of measured)
    parts.push(s("circle", { class: "measured", cx: x(point.day), cy: y(point.value), r: 3.6 }));
  if (doses) {
    parts.push(s("path", { class: "frame", d: `M${LEFT} ${bottom}H${width - RIGHT}` }));
    for (const day of doses.fractions)
      parts.push(s("path", { class: "fraction", d: `M${x(day)} ${bottom + 2}v9` }));
    parts.push(s("text", { class: "axis", x: LEFT - 5, y: bottom + 11, "text-anchor": "end" }, "RT"));
    doses.drugs.forEach(({ label, pulses }, i) => {
      const top = bottom + 14 + ROW * i;
      for (const [first, last] of pulses)
        parts.push(s("rect", { class: i ? "pulse other" : "pulse", x: x(first), y: top, width: Math.max(3, x(last) - x(first)), height: 8 }));
      parts.push(s("text", { class: "axis", x: LEFT - 5, y: top + 8, "text-anchor": "end" }, label));
    });
  }
  parts.push(s("text", { class: "axis unit", x: 2, y: 7 }, unit));
  return s(
    "svg",
    { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": options.label },
    ...parts,
  );
};
