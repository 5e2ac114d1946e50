// The two plans: presets, doses and calendars, side by side.

import { Calendar } from "./calendar.js";
import { announce, byId, h } from "./dom.js";
import { doseName, doseUnit, drugs, keyOf, labelOf, place, wholePulse } from "./drugs.js";
import { furtherInputs } from "./further.js";
import { labelled, numberInput, write } from "./inputs.js";
import { typed, unit } from "./numbers.js";
import * as schedules from "./schedule.js";
import { dateInFull, number, said, t, weekdayOf, WEEKDAYS } from "./words.js";

/** Day of the visit that is judged; none where a window is judged. */
const visitOf = (answer) => (answer && answer.judged.window[0] === answer.judged.window[1] ? Math.floor(answer.judged.window[0]) : undefined);

/** Both plans. `change(edit, label)` edits the state; returns what draws it. */
export const plans = (form, { state, change }) => {
  const withDose = form.presets.map((p) => p.schedule).find((s) => s.fractions.length);
  const usual = drugs().filter((d) => d.usual).map((d) => [d.drug, d.usual]);
  const template = { fraction: withDose.fractions[0], pulses: Object.fromEntries(usual) };
  byId("copy").addEventListener("click", () => {
    change((next) => (next.b = structuredClone(next.a)));
    announce(t("plan.copied"));
  });
  const tool = toolbar(byId("tool"), { state, change });
  const drawn = ["a", "b"].map((key, i) => onePlan(key, i, { form, template, tool, state, change }));
  return (answer) => {
    const both = state();
    tool.draw(both);
    const last = Math.max(...["a", "b"].flatMap((k) => [schedules.end(both[k]) - 1, visitOf(answer?.[k]) ?? 0]));
    drawn.forEach((draw, i) => draw(last, answer?.["ab"[i]]));
  };
};

/** Let day 0 be a weekday, of which the date may be known. */
const begin = (state, weekday, date) => {
  for (const key of ["a", "b"]) schedules.setStart(state[key], weekday);
  state.day_0 = date;
};

const toolbar = (root, { state, change }) => {
  let kind = "fraction";
  const radio = (value, ...label) =>
    h("label", {}, h("input", { type: "radio", name: "tool", value, checked: value === kind, onchange: () => (kind = value) }), ...label);
  const chosen = () => change((next) => begin(next, Number(weekday.value), null));
  const weekday = h("select", { id: "weekday", onchange: chosen }, ...WEEKDAYS.map((name, i) => h("option", { value: i }, name)));
  const date = h("input", {
    id: "day-zero",
    type: "date",
    "aria-label": t("plan.date_of_day_0"),
    title: t("plan.date_stays"),
    onchange: () => change((next) => (date.value ? begin(next, weekdayOf(date.value), date.value) : (next.day_0 = null))),
  });
  // A browser shows a date field in the language of its own, and not in that of the page.
  const written = h("span", { class: "small soft" });
  const keys = drugs().filter(({ drug }) => keyOf(drug)).map(({ drug, label }) => t("plan.pulse_key", { key: keyOf(drug).toUpperCase(), drug: label }));
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", t("plan.calendars"));
  root.append(
    h("span", {}, t("plan.how")),
    radio("fraction", h("span", { class: "chip", "aria-hidden": "true" }, "Gy"), t("plan.a_fraction")),
    ...drugs().map(({ drug, label }) => radio(drug, h("span", { class: place(drug) ? "swatch other" : "swatch", "aria-hidden": "true" }), t("plan.a_pulse", { drug: label }))),
    h("label", {}, t("plan.day_0"), weekday),
    h("label", {}, t("plan.or_date"), date, written),
    h("details", { class: "keys" }, h("summary", {}, t("plan.keys")), h("p", { class: "small", id: "keys" }, t("plan.all_keys", { pulses: keys.join("") }))),
  );
  const current = () => kind;
  current.draw = (both) => {
    weekday.value = both.a.start_weekday;
    if (date !== document.activeElement) date.value = both.day_0 ?? "";
    written.textContent = both.day_0 ? `= ${dateInFull(0)}` : "";
  };
  return current;
};

/** Dose, length and infusion of one drug's pulses in one plan, or of one to come. */
const drugInputs = ({ drug, label, usual, infused }, key, { read, change, template }) => {
  const set = (name, empty = null) => (event) => {
    const value = typed(event.target.value) ?? empty;
    if (value === null) return;
    const own = schedules.pulsesOf(read(), drug);
    if (own.length) change((next) => schedules.pulsesOf(next[key], drug).forEach((p) => (p[name(p)] = value)), `${key}.${drug}.${name(own[0])}`);
    else template.pulses[drug] = { ...wholePulse({ drug, amount_per_day: null, ...template.pulses[drug] }), [name({ amount_per_day: 0 })]: value };
    draw(read());
  };
  const amount = numberInput(`amount-${drug}-${key}`, set(doseName));
  const length = numberInput(`length-${drug}-${key}`, set(() => "days"));
  const hours = numberInput(`infusion-${drug}-${key}`, set(() => "infusion_hours", 0));
  const letter = key.toUpperCase();
  length.setAttribute("aria-label", t("plan.length", { drug: label, letter }));
  hours.setAttribute("aria-label", t("plan.infusion", { drug: label, letter }));
  const name = h("span", {});
  const draw = (schedule) => {
    const like = schedules.likely(schedule, drug, template);
    const has = schedules.pulsesOf(schedule, drug).length > 0;
    const dose = `${label} ${unit(doseUnit(drug, like))}`;
    name.textContent = dose;
    amount.setAttribute("aria-label", t("plan.amount", { dose, letter }));
    const shown = has || !usual ? like : null;
    write(amount, shown && shown[doseName(shown)]);
    write(length, shown?.days);
    amount.disabled = !has && Boolean(usual);
    length.disabled = !has;
    amount.placeholder = t(has || usual ? "plan.none" : "plan.dose");
    length.placeholder = t("plan.none");
    write(hours, shown?.infusion_hours || null);
    hours.disabled = !shown;
    hours.placeholder = t(shown ? "plan.at_once" : "plan.none");
  };
  const fields = [h("label", {}, name, amount), labelled(t("plan.days_each"), length)];
  return { fields: infused ? [...fields, labelled(t("plan.over"), hours, "hours")] : fields, draw };
};

const onePlan = (key, i, { form, template, tool, state, change }) => {
  const letter = key.toUpperCase();
  const read = () => state()[key];
  const edit = (action, sentence) => {
    change((next) => action(next[key]));
    announce(t("plan.done", { letter, what: sentence }));
  };
  const startFrom = () => {
    const chosen = form.presets.find((p) => p.name === preset.value);
    if (chosen) change((next) => (next[key] = schedules.fromPreset(chosen, next[key])));
  };
  const kinds = form.presets.map((p) => h("option", { value: p.name }, said(p.label)));
  const preset = h("select", { id: `preset-${key}`, onchange: startFrom }, h("option", { value: "" }, t("plan.own")), ...kinds);
  const dose = numberInput(`dose-${key}`, (event) => {
    const gy = typed(event.target.value);
    if (gy !== null) change((next) => schedules.setDose(next[key], gy), `${key}.gy`);
  });
  const ofDrugs = drugs().map((drug) => drugInputs(drug, key, { read, change, template }));
  dose.setAttribute("aria-label", t("plan.gy_of", { letter }));
  const table = h("table", { class: "calendar", "aria-label": t("plan.calendar", { letter }), "aria-describedby": "keys" });
  const totals = h("p", { class: "totals", id: `totals-${key}` });
  const further = furtherInputs(key, { form, state, change });
  byId(`schedule-${i}`).append(
    h(
      "div",
      { class: "plan", "data-at": key },
      h("div", { class: "line" }, labelled(t("plan.start", { letter }), preset, "wide"), labelled(t("plan.gy"), dose), ...ofDrugs.flatMap(({ fields }) => fields)),
      further.element,
      table,
      totals,
      h("div", { class: "notes", id: `${key}-notes` }),
    ),
  );
  const calendar = new Calendar(table, { read, edit, refuse: announce, tool, template, limits: form.limits });
  return (lastDay, answer) => {
    const schedule = read();
    const match = form.presets.find((p) => schedules.same(schedules.fromPreset(p, schedule), schedule));
    preset.value = match?.name ?? "";
    write(dose, schedules.commonDose(schedule));
    dose.placeholder = t(schedule.fractions.length ? "plan.mixed" : "plan.none");
    dose.disabled = !schedule.fractions.length;
    for (const { draw } of ofDrugs) draw(schedule);
    further.draw(answer);
    calendar.draw(lastDay, visitOf(answer));
    totals.textContent = answer
      ? t("plan.totals", {
          total: answer.total_gy,
          bed10: answer.bed10_gy,
          eqd10: answer.eqd2_10_gy,
          bed3: answer.bed3_gy,
          eqd3: answer.eqd2_3_gy,
          immune: answer.immune_dose_gy,
          given: answer.given.map((g) => ` ${labelOf(g.drug)} ${number(g.amount)} ${unit(g.unit)}.`).join(""),
        })
      : "";
  };
};
