// What a schedule is made of, and how it changes; every function changes the schedule it is given.

import { drugs, labelOf } from "./drugs.js";
import { day as dayName, joined, number, t } from "./words.js";

const byDay = (p, q) => p.day - q.day;
const isWeekend = (schedule, day) => (((schedule.start_weekday + day) % 7) + 7) % 7 > 4;
const nextWeekday = (schedule, day) => {
  while (isWeekend(schedule, day)) day += 1;
  return day;
};

/** Days with a fraction, to whichever lesions, in order. */
export const fractionDays = (schedule) => [...new Set(schedule.fractions.map((f) => f.day))].sort((p, q) => p - q);
/** Lesions that are treated; null for every lesion. */
export const lesionsOf = (schedule) => {
  const lesions = [...new Set(schedule.fractions.map((f) => f.lesion))].sort((p, q) => p - q);
  return lesions.length && !lesions.includes(0) ? lesions : null;
};

export const fractionsAt = (schedule, day) => schedule.fractions.filter((f) => f.day === day);
export const pulsesOf = (schedule, drug) => schedule.pulses.filter((p) => p.drug === drug);
export const pulseAt = (schedule, drug, day) =>
  pulsesOf(schedule, drug).find((p) => Math.floor(p.day) <= day && day < Math.floor(p.day) + p.days);
/** Whether something of a kind, "fraction" or a drug, lies on a day. */
export const isThere = (schedule, kind, day) =>
  kind === "fraction" ? fractionsAt(schedule, day).length > 0 : Boolean(pulseAt(schedule, kind, day));

/** Dose of every fraction (Gy), or null when they differ or there is none. */
export const commonDose = (schedule) => {
  const doses = new Set(schedule.fractions.map((f) => f.gy));
  return doses.size === 1 ? [...doses][0] : null;
};

const pulsesInWords = ({ drug, label }, schedule) => {
  const own = pulsesOf(schedule, drug);
  if (!own.length) return t("schedule.no_drug", { drug: label });
  const pulses = t("schedule.pulses", { n: own.length, drug: label });
  const hours = [...new Set(own.map((p) => p.infusion_hours))].sort((p, q) => p - q);
  return hours.some(Boolean) ? t("schedule.over", { pulses, hours: joined(hours.map(number)) }) : pulses;
};

/** "5 × 10 Gy, no rhIL-7" */
export const inWords = (schedule) => {
  const n = fractionDays(schedule).length;
  const dose = commonDose(schedule);
  const lesions = lesionsOf(schedule);
  const rt = !n ? t("schedule.no_rt") : dose ? `${n} × ${number(dose)} Gy` : t("schedule.fractions", { n });
  const where = lesions ? [t("schedule.lesions", { n: lesions.length, lesions: joined(lesions.map(number)) })] : [];
  return [rt, ...where, ...drugs().map((drug) => pulsesInWords(drug, schedule))].join(", ");
};

/** In words, with the days between fractions where they are not given daily. */
export const inFull = (schedule) => {
  const given = fractionDays(schedule);
  const gap = Math.min(...given.slice(1).map((day, i) => day - given[i]));
  return gap > 1 && Number.isFinite(gap) ? `${inWords(schedule)}, ${t("schedule.every", { n: gap })}` : inWords(schedule);
};

/** Day after the last one on which something is given. */
export const end = (schedule) =>
  Math.max(0, ...schedule.fractions.map((f) => f.day + 1), ...schedule.pulses.map((p) => Math.floor(p.day) + p.days));

/** A pulse like those of its drug that are there, or like `template`; null where nothing says its dose. */
export const likely = (schedule, drug, template) => pulsesOf(schedule, drug)[0] ?? template.pulses[drug] ?? null;

/** Add a fraction or a pulse like `template`, or like those that are there. */
export const add = (schedule, kind, day, template) => {
  if (kind === "fraction") {
    const near = [...schedule.fractions].sort((f, g) => Math.abs(f.day - day) - Math.abs(g.day - day));
    const like = near.length ? fractionsAt(schedule, near[0].day) : [template.fraction];
    schedule.fractions.push(...like.map((f) => ({ ...f, day })));
    schedule.fractions.sort(byDay);
  } else {
    schedule.pulses.push({ ...likely(schedule, kind, template), day });
    schedule.pulses.sort(byDay);
  }
};

export const remove = (schedule, kind, day) => {
  if (kind === "fraction") schedule.fractions = schedule.fractions.filter((f) => f.day !== day);
  else schedule.pulses = schedule.pulses.filter((p) => p !== pulseAt(schedule, kind, day));
};

/** Why nothing of this kind may begin on `day` within `limits`, or null. */
export const whyNotAdd = (schedule, kind, day, limits, length) => {
  if (kind === "fraction") {
    if (day < 0) return t("refuse.before_day_0");
    if (day > limits.latest_fraction_day) return t("refuse.last_day", { last: dayName(limits.latest_fraction_day) });
    if (fractionsAt(schedule, day).length) return t("refuse.taken");
    return schedule.fractions.length >= limits.fractions ? t("refuse.most_fractions", { n: limits.fractions }) : null;
  }
  if (day < limits.earliest_day || day > limits.latest_day) return t("refuse.outside");
  if (schedule.pulses.length >= limits.pulses) return t("refuse.most_pulses", { n: limits.pulses });
  const meets = pulsesOf(schedule, kind).some((p) => day < p.day + p.days && p.day < day + length);
  return meets ? t("refuse.overlap", { drug: labelOf(kind) }) : null;
};

/** Move what lies on day `from` by `to - from` days. */
export const move = (schedule, kind, from, to) => {
  if (kind === "fraction") for (const f of fractionsAt(schedule, from)) f.day = to;
  else pulseAt(schedule, kind, from).day += to - from;
  schedule.fractions.sort(byDay);
  schedule.pulses.sort(byDay);
};

export const whyNotMove = (schedule, kind, from, to, limits) => {
  const rest = structuredClone(schedule);
  const pulse = pulseAt(schedule, kind, from);
  remove(rest, kind, from);
  const start = kind === "fraction" ? to : pulse.day + to - from;
  return whyNotAdd(rest, kind, start, limits, pulse?.days);
};

export const setDose = (schedule, gy) => {
  for (const f of schedule.fractions) f.gy = gy;
};

/** Put the fractions `by` days later: what falls on a weekend waits for Monday, in the old order. */
const shiftFractions = (schedule, by) => {
  const to = new Map();
  let free = 0;
  for (const day of fractionDays(schedule)) {
    to.set(day, nextWeekday(schedule, Math.max(day + by, free)));
    free = to.get(day) + 1;
  }
  for (const f of schedule.fractions) f.day = to.get(f.day);
};

/** Make day 0 another weekday. */
export const setStart = (schedule, weekday) => {
  schedule.start_weekday = weekday;
  shiftFractions(schedule, 0);
};

/** Begin radiotherapy on another day; the drugs keep their distance to it. */
export const beginOn = (schedule, day) => {
  const before = fractionDays(schedule)[0];
  shiftFractions(schedule, day - before);
  const by = fractionDays(schedule)[0] - before;
  for (const pulse of schedule.pulses) pulse.day += by;
};

/** Treat some lesions only, numbered from 1; null for every lesion. */
export const setLesions = (schedule, lesions) => {
  const one = fractionDays(schedule).map((day) => fractionsAt(schedule, day)[0]);
  schedule.fractions = one.flatMap((f) => (lesions ?? [0]).map((lesion) => ({ ...f, lesion })));
};

/** The schedule of a preset, begun on the weekday of `current`. */
export const fromPreset = (preset, current) => {
  const schedule = structuredClone(preset.schedule);
  setStart(schedule, current.start_weekday);
  return schedule;
};

const plain = (schedule) =>
  JSON.stringify([
    schedule.fractions.map((f) => [f.day, f.gy, f.lesion ?? 0]),
    schedule.pulses.map((p) => [p.drug, p.day, p.days, p.mg_per_m2_per_day, p.amount_per_day, p.doses_per_day, p.infusion_hours]),
  ]);
export const same = (one, another) => plain(one) === plain(another);
