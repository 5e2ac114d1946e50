// What a schedule is made of, and how it changes; every function changes the schedule it is given.

const byDay = (p, q) => p.day - q.day;
const isWeekend = (schedule, day) => (((schedule.start_weekday + day) % 7) + 7) % 7 > 4;
const nextWeekday = (schedule, day) => {
  while (isWeekend(schedule, day)) day += 1;
  return day;
};

export const fractionsAt = (schedule, day) => schedule.fractions.filter((f) => f.day === day);
export const pulseAt = (schedule, day) =>
  schedule.atra.find((p) => Math.floor(p.day) <= day && day < Math.floor(p.day) + p.days);
export const isThere = (schedule, kind, day) =>
  kind === "fraction" ? fractionsAt(schedule, day).length > 0 : Boolean(pulseAt(schedule, day));

/** Dose of every fraction (Gy), or null when they differ or there is none. */
export const commonDose = (schedule) => {
  const doses = new Set(schedule.fractions.map((f) => f.gy));
  return doses.size === 1 ? [...doses][0] : null;
};

/** "5 × 10 Gy, no ATRA" */
export const inWords = (schedule) => {
  const { fractions, atra } = schedule;
  const dose = commonDose(schedule);
  const rt = !fractions.length ? "no radiotherapy" : dose ? `${fractions.length} × ${dose} Gy` : `${fractions.length} fractions`;
  const drug = !atra.length ? "no ATRA" : atra.length === 1 ? "1 ATRA pulse" : `${atra.length} ATRA pulses`;
  return `${rt}, ${drug}`;
};

/** Day after the last one on which something is given. */
export const end = (schedule) =>
  Math.max(0, ...schedule.fractions.map((f) => f.day + 1), ...schedule.atra.map((p) => Math.floor(p.day) + p.days));

/** Add a fraction or a pulse like `template`, or like those that are there. */
export const add = (schedule, kind, day, template) => {
  if (kind === "fraction") {
    const near = [...schedule.fractions].sort((f, g) => Math.abs(f.day - day) - Math.abs(g.day - day));
    schedule.fractions.push({ ...(near[0] ?? template.fraction), day });
    schedule.fractions.sort(byDay);
  } else {
    schedule.atra.push({ ...(schedule.atra[0] ?? template.pulse), day });
    schedule.atra.sort(byDay);
  }
};

export const remove = (schedule, kind, day) => {
  if (kind === "fraction") schedule.fractions = schedule.fractions.filter((f) => f.day !== day);
  else schedule.atra = schedule.atra.filter((p) => p !== pulseAt(schedule, day));
};

/** Why nothing of this kind may begin on `day` within `limits`, or null. */
export const whyNotAdd = (schedule, kind, day, limits, length) => {
  if (kind === "fraction") {
    if (day < 0) return "A fraction cannot lie before day 0.";
    if (day > limits.latest_fraction_day) return `The last day for a fraction is day ${limits.latest_fraction_day}.`;
    if (fractionsAt(schedule, day).length) return "There is a fraction on that day already.";
    return schedule.fractions.length >= limits.fractions ? `At most ${limits.fractions} fractions.` : null;
  }
  if (day < limits.earliest_day || day > limits.latest_day) return "That day lies outside the calendar.";
  if (schedule.atra.length >= limits.pulses) return `At most ${limits.pulses} pulses.`;
  const meets = schedule.atra.some((p) => day < p.day + p.days && p.day < day + length);
  return meets ? "Two ATRA pulses would overlap." : null;
};

/** Move what lies on day `from` by `to - from` days. */
export const move = (schedule, kind, from, to) => {
  if (kind === "fraction") for (const f of fractionsAt(schedule, from)) f.day = to;
  else pulseAt(schedule, from).day += to - from;
  schedule.fractions.sort(byDay);
  schedule.atra.sort(byDay);
};

export const whyNotMove = (schedule, kind, from, to, limits) => {
  const rest = structuredClone(schedule);
  const pulse = pulseAt(schedule, from);
  remove(rest, kind, from);
  const start = kind === "fraction" ? to : pulse.day + to - from;
  return whyNotAdd(rest, kind, start, limits, pulse?.days);
};

export const setDose = (schedule, gy) => {
  for (const f of schedule.fractions) f.gy = gy;
};

/** Make day 0 another weekday: what falls on a weekend waits for Monday, in the old order. */
export const setStart = (schedule, weekday) => {
  schedule.start_weekday = weekday;
  const to = new Map();
  let free = 0;
  for (const day of [...new Set(schedule.fractions.map((f) => f.day))].sort((p, q) => p - q)) {
    to.set(day, nextWeekday(schedule, Math.max(day, free)));
    free = to.get(day) + 1;
  }
  for (const f of schedule.fractions) f.day = to.get(f.day);
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
    schedule.atra.map((p) => [p.day, p.days, p.mg_per_m2_per_day, p.doses_per_day]),
  ]);
export const same = (one, another) => plain(one) === plain(another);
