// 100 people, and risks side by side on one scale from 0 to 100.

import { s } from "./dom.js";

const CELL_X = 12;
const CELL_Y = 15;

const person = (index, kind) =>
  s(
    "g",
    {
      class: `person ${kind}`,
      transform: `translate(${(index % 10) * CELL_X} ${Math.floor(index / 10) * CELL_Y})`,
    },
    s("circle", { cx: 5, cy: 3, r: 2.3 }),
    s("path", { d: "M1.4 13V8.6a2.6 2.6 0 0 1 2.6-2.6h2a2.6 2.6 0 0 1 2.6 2.6V13z" }),
  );

/**
 * 100 people. `of100` holds whole numbers as the server gave them: grade2 and worse, of whom
 * grade3 and worse, of whom grade4. The worst grades stand first.
 */
export const people = (of100, label) => {
  const kind = (index) =>
    index < of100.grade4
      ? "four"
      : index < of100.grade3
        ? "three"
        : index < of100.grade2
          ? "two"
          : "none";
  return s(
    "svg",
    { class: "people", viewBox: `0 0 ${10 * CELL_X - 2} ${10 * CELL_Y - 2}`, role: "img", "aria-label": label },
    ...Array.from({ length: 100 }, (_, index) => person(index, kind(index))),
  );
};

/** A number with its interval, on a line from 0 to the largest that it can be. */
export const riskBar = ({ p, low, high }, kind, largest) =>
  s(
    "svg",
    { class: `risk ${kind}`, viewBox: "0 0 108 14", preserveAspectRatio: "none", "aria-hidden": "true" },
    ...[4, 29, 54, 79, 104].map((x) => s("path", { class: "tick", d: `M${x} 0V14` })),
    s("path", { class: "range", d: `M${4 + (100 * low) / largest} 7H${4 + (100 * high) / largest}` }),
    s("path", { class: "middle", d: `M${4 + (100 * p) / largest} 1.5V12.5` }),
  );

/** One person, for the key. */
export const personKey = (kind) =>
  s("svg", { viewBox: "0 0 10 14", "aria-hidden": "true" }, person(0, kind));
