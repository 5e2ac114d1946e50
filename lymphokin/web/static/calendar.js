// One schedule as a calendar of weeks: click, drag and keys add, move and remove what is given.

import { h } from "./dom.js";
import { drugs, keyOf, labelOf, place, shortLabel } from "./drugs.js";
import * as plan from "./schedule.js";
import { day as dayText, hasDates, number, shortDay, t, WEEKDAYS } from "./words.js";

const nameOf = (kind) => (kind === "fraction" ? t("calendar.fraction") : t("calendar.pulse", { drug: labelOf(kind) }));

const weekdayOf = (schedule, day) => (((schedule.start_weekday + day) % 7) + 7) % 7;
const monday = (schedule, day) => day - weekdayOf(schedule, day);

/** "Thursday of week 1, day 3" */
const dayName = (schedule, day) => {
  const week = (monday(schedule, day) - monday(schedule, 0)) / 7 + 1;
  return t("calendar.day", { weekday: WEEKDAYS[weekdayOf(schedule, day)], week, day: dayText(day) });
};

/** First Monday shown and number of weeks, so that everything planned and the visit has its cell. */
const extent = (schedule, lastDay) => {
  const first = monday(schedule, Math.min(0, ...schedule.pulses.map((pulse) => Math.floor(pulse.day))));
  return { first, weeks: Math.max(1, Math.ceil((lastDay + 1 - first) / 7)) };
};

const cellOf = (schedule, day, { active, visit }) => {
  const fractions = plan.fractionsAt(schedule, day);
  const given = drugs().filter(({ drug }) => plan.pulseAt(schedule, drug, day));
  const weekend = weekdayOf(schedule, day) > 4;
  const said = [];
  const shown = [];
  if (fractions.length) {
    const gy = [...new Set(fractions.map((f) => number(f.gy)))].join("+");
    said.push(t("calendar.fraction_of", { gy }));
    shown.push(h("span", { class: "chip" }, gy));
  }
  for (const { drug, label } of given) {
    const pulse = plan.pulseAt(schedule, drug, day);
    const first = Math.floor(pulse.day);
    said.push(t("calendar.pulse_day", { drug: label, n: day - first + 1, length: pulse.days }));
    if (!fractions.length && day === first) shown.push(h("span", { class: "word" }, shortLabel(drug)));
  }
  if (day === visit) {
    said.push(t("calendar.visit"));
    if (!shown.length) shown.push(h("span", { class: "word" }, t("calendar.visit")));
  }
  const kinds = [
    fractions.length || given.length ? "has" : "",
    ...given.map(({ drug }) => (place(drug) ? "pulse other" : "pulse first")),
    weekend ? "weekend" : "",
    day < 0 ? "before" : "",
    day === visit ? "visit" : "",
  ];
  return h(
    "td",
    {
      role: "gridcell",
      tabindex: day === active ? 0 : -1,
      "data-day": day,
      class: kinds.filter(Boolean).join(" "),
      "aria-label": t("calendar.cell", { where: dayName(schedule, day), what: said.join(", ") || t(weekend ? "calendar.weekend" : "calendar.empty") }),
    },
    ...shown,
  );
};

/** The day under a pointer, or null. */
const dayUnder = (event, table) => {
  const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest("td[data-day]");
  return cell && table.contains(cell) ? Number(cell.dataset.day) : null;
};

/**
 * A calendar. `read()` gives its schedule; its wishes go to `edit(action, sentence)`: `action`
 * changes a copy of the schedule, `sentence` says what happened. `tool()` is what a click adds
 * ("fraction" or a drug), `template` what those look like where there is none yet, `limits` the
 * service's; `refuse(sentence)` hears why a wish cannot be.
 */
export class Calendar {
  constructor(table, { read, edit, refuse, tool, template, limits }) {
    Object.assign(this, { table, read, edit, refuse, tool, template, limits });
    this.active = 0;
    this.held = null;
    table.setAttribute("role", "grid");
    table.addEventListener("keydown", (event) => this.onKey(event));
    table.addEventListener("pointerdown", (event) => this.onDown(event));
    table.addEventListener("pointermove", (event) => this.onMove(event));
    table.addEventListener("pointerup", (event) => this.onUp(event));
    table.addEventListener("pointercancel", () => this.release());
  }

  /** Draw the schedule; `lastDay` is the last one that any calendar on the page needs. */
  draw(lastDay, visit) {
    const schedule = this.read();
    const { first, weeks } = extent(schedule, lastDay);
    const hadFocus = this.table.contains(document.activeElement);
    this.active = Math.min(Math.max(this.active, first), first + 7 * weeks - 1);
    const rows = Array.from({ length: weeks }, (_, row) => {
      const week = (first + 7 * row - monday(schedule, 0)) / 7 + 1;
      const cells = WEEKDAYS.map((_, i) => cellOf(schedule, first + 7 * row + i, { active: this.active, visit }));
      return h(
        "tr",
        { class: cells.some((cell) => cell.childNodes.length || cell.classList.contains("pulse")) ? null : "idle" },
        h("th", { scope: "row" }, h("abbr", { title: t("calendar.week", { week }), "aria-label": t("calendar.week", { week }) }, hasDates() ? shortDay(first + 7 * row) : t("calendar.wk", { week }))),
        ...cells,
      );
    });
    this.table.replaceChildren(
      h("colgroup", {}, h("col", { class: "week" }), ...WEEKDAYS.map(() => h("col"))),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("td", { class: "corner" }),
          ...WEEKDAYS.map((name) => h("th", { scope: "col" }, h("abbr", { title: name, "aria-label": name }, name.slice(0, 2)))),
        ),
      ),
      h("tbody", {}, ...rows),
    );
    if (hadFocus) this.cell(this.active)?.focus({ preventScroll: true });
  }

  cell(day) {
    return this.table.querySelector(`td[data-day="${day}"]`);
  }

  go(day) {
    if (!this.cell(day)) return;
    this.cell(this.active)?.setAttribute("tabindex", -1);
    this.active = day;
    this.cell(day).setAttribute("tabindex", 0);
    this.cell(day).focus();
  }

  /** What is picked up or removed on a day: what the tool adds, if it is there, else the other. */
  kindAt(day) {
    return [this.tool(), "fraction", ...drugs().map(({ drug }) => drug)].find((kind) => plan.isThere(this.read(), kind, day)) ?? null;
  }

  toggle(kind, day) {
    this.active = day;
    const schedule = this.read();
    const where = dayName(schedule, day);
    if (plan.isThere(schedule, kind, day))
      return this.edit((next) => plan.remove(next, kind, day), t("calendar.removed", { what: nameOf(kind), where }));
    const like = kind === "fraction" ? null : plan.likely(schedule, kind, this.template);
    if (kind !== "fraction" && like === null) return this.refuse(t("calendar.enter_dose", { drug: labelOf(kind) }));
    const length = like?.days;
    const refusal = plan.whyNotAdd(schedule, kind, day, this.limits, length);
    if (refusal) return this.refuse(refusal);
    this.edit((next) => plan.add(next, kind, day, this.template), t("calendar.added", { what: nameOf(kind), where }));
  }

  move(kind, from, to) {
    const schedule = this.read();
    const refusal = plan.whyNotMove(schedule, kind, from, to, this.limits);
    if (refusal) return this.refuse(refusal);
    this.active = to;
    this.edit((next) => plan.move(next, kind, from, to), t("calendar.moved", { what: nameOf(kind), where: dayName(schedule, to) }));
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const day = this.active;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
    if (step && event.shiftKey) {
      const kind = this.kindAt(day);
      if (kind) this.move(kind, day, day + step);
    } else if (step) this.go(day + step);
    else if (event.key === "Home") this.go(monday(this.read(), day));
    else if (event.key === "End") this.go(monday(this.read(), day) + 6);
    else if (event.key === "Enter" || event.key === " ") this.toggle(this.tool(), day);
    else if (event.key === "f") this.toggle("fraction", day);
    else if (drugs().some(({ drug }) => keyOf(drug) === event.key)) this.toggle(drugs().find(({ drug }) => keyOf(drug) === event.key).drug, day);
    else if (event.key === "Delete" || event.key === "Backspace") {
      const kind = this.kindAt(day);
      if (kind) this.toggle(kind, day);
    } else if ("+-".includes(event.key)) this.nudge(day, event.key === "+" ? 0.5 : -0.5);
    else return;
    event.preventDefault();
  }

  nudge(day, by) {
    const fractions = plan.fractionsAt(this.read(), day);
    if (!fractions.length || fractions.some((f) => f.gy + by <= 0)) return;
    this.edit((next) => {
      for (const f of plan.fractionsAt(next, day)) f.gy += by;
    }, t("calendar.nudged", { gy: fractions[0].gy + by, where: dayName(this.read(), day) }));
  }

  onDown(event) {
    const day = dayUnder(event, this.table);
    if (day === null || event.button !== 0) return;
    this.held = { day, kind: this.kindAt(day), target: day };
    if (this.held.kind) this.table.setPointerCapture(event.pointerId);
  }

  onMove(event) {
    if (!this.held?.kind) return;
    const day = dayUnder(event, this.table);
    if (day === this.held.target) return;
    this.held.target = day;
    for (const cell of this.table.querySelectorAll(".target")) cell.classList.remove("target");
    if (day !== null && day !== this.held.day) this.cell(day).classList.add("target");
  }

  onUp(event) {
    const held = this.held;
    const day = dayUnder(event, this.table);
    this.release();
    if (!held) return;
    if (day === held.day) this.toggle(this.tool(), day);
    else if (held.kind && day !== null) this.move(held.kind, held.day, day);
    else if (held.kind) this.toggle(held.kind, held.day);
  }

  release() {
    this.held = null;
    for (const cell of this.table.querySelectorAll(".target")) cell.classList.remove("target");
  }
}
