// The courses under both schedules, as one drawing and as tables.

import { chart, dayLimits, valueLimits } from "./chart.js";
import { byId, h } from "./dom.js";
import { drugs, place, shortLabel } from "./drugs.js";
import { limitOf, unit } from "./numbers.js";
import { end, pulsesOf } from "./schedule.js";
import { fromTo, label as labelled, number, shortDay, t } from "./words.js";

const QUANTILES = ["q05", "q25", "q50", "q75", "q95"];
const HEIGHT = 250;
/** What the model measures over days; lymphocytes first. */
let quantities = [];

const measuredOf = (counts, quantity) =>
  counts
    .map(({ value, ...c }) => ({ ...c, value: limitOf(value) ?? value, below: limitOf(value) !== null }))
    .filter((c) => c.quantity === quantity && Number.isFinite(c.day) && c.value > 0);

const dosesOf = (key, schedule) => ({
  letter: key.toUpperCase(),
  kind: key,
  fractions: schedule.fractions.map((f) => f.day),
  drugs: drugs()
    .filter(({ drug }) => pulsesOf(schedule, drug).length)
    .map(({ drug }) => ({
      label: `${key.toUpperCase()} ${shortLabel(drug)}`,
      other: place(drug) > 0,
      pulses: pulsesOf(schedule, drug).map((p) => [p.day, p.day + p.days]),
    })),
});

const tableOf = (letter, days, answer, others) => {
  const { alc_measured: alc } = answer.curves;
  const [first, visit] = answer.judged.window;
  const isVisit = (day) => first === visit && day === visit;
  const shown = days.map((day, i) => [day, i]).filter(([day]) => day % 7 === 0 || isVisit(day));
  const besides = others.map((q) => t("course.besides", { what: q.label, unit: unit(q.unit) }));
  return h(
    "details",
    { class: "twin" },
    h("summary", {}, t("course.as_table", { letter })),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": t("course.under", { letter }) },
      h(
        "table",
        {},
        h("caption", {}, t("course.caption"), ...besides),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, t("course.day")),
            ...["5 %", "25 %", t("course.median"), "75 %", "95 %"].map((name) => h("th", { scope: "col", class: "n" }, name)),
            ...others.map((q) => h("th", { scope: "col", class: "n" }, q.label)),
          ),
        ),
        h(
          "tbody",
          {},
          ...shown.map(([day, i]) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, shortDay(day), isVisit(day) ? ` (${t("calendar.visit")})` : ""),
              ...QUANTILES.map((q) => h("td", { class: "n" }, number(alc[q][i]))),
              ...others.map((q) => h("td", { class: "n" }, number(answer.curves.others[q.quantity].q50[i]))),
            ),
          ),
        ),
      ),
    ),
  );
};

const fanOf = (key, curve, days, span) => {
  const kept = days.map((day, i) => [day, i]).filter(([day]) => day >= span[0] && day <= span[1]);
  const fan = { letter: key.toUpperCase(), kind: key, days: kept.map(([day]) => day) };
  for (const q of QUANTILES) fan[q] = kept.map(([, i]) => curve[q][i]);
  return fan;
};

const inWords = (letter, { fitted: { planned }, endpoint_day: day }) =>
  t("course.at_visit", { letter, when: fromTo([day, day]), middle: planned.alc.q50, low: planned.alc.q05, high: planned.alc.q95 });

/** Draw the courses of an answer to `question`. */
export const showCourses = (answer, question) => {
  const keys = ["a", "b"];
  const last = Math.max(...keys.flatMap((k) => [answer[k].judged.window[1] + 7, end(question[k])]));
  const { counts } = question.patient;
  const [judged, ...rest] = quantities;
  const others = rest.filter((q) => q.quantity in answer.a.curves.others);
  const span = dayLimits(Math.min(-7, ...counts.map((c) => c.day)), last, [answer.days[0], answer.days.at(-1)]);
  const seen = (quantity) => measuredOf(counts, quantity).filter((c) => c.day >= span[0] && c.day <= span[1]);
  const holder = byId("course");
  const open = [...holder.querySelectorAll("details.twin")].map((twin) => twin.open);
  const width = Math.max(280, holder.clientWidth || 900);
  const common = { days: span, width, judged: keys.map((k) => answer[k].judged.window) };
  const fans = keys.map((k) => fanOf(k, answer[k].curves.alc_measured, answer.days, span));
  const besides = others.flatMap((q) => {
    const own = keys.map((k) => fanOf(k, answer[k].curves.others[q.quantity], answer.days, span));
    const measured = seen(q.quantity);
    const what = t("course.title", { what: q.label, unit: unit(q.unit) });
    const label = t("course.other", { what });
    return [h("h3", {}, what), chart({ ...common, fans: own, limits: valueLimits(own, measured, []), height: 130, measured, label })];
  });
  const twins = keys.map((k) => tableOf(k.toUpperCase(), answer.days, answer[k], others));
  twins.forEach((twin, i) => (twin.open = Boolean(open[i])));
  const label = `${keys.map((k) => inWords(k.toUpperCase(), answer[k])).join(" ")} ${t("course.tables")}`;
  const measured = seen(judged.quantity);
  holder.replaceChildren(
    h("h3", {}, t("course.title", { what: judged.label, unit: unit(judged.unit) })),
    chart({ ...common, fans, limits: valueLimits(fans, measured, [0.2, 2]), height: HEIGHT, measured, grades: true, doses: keys.map((k) => dosesOf(k, question[k])), label }),
    h("p", { class: "small soft" }, t("course.key")),
    ...besides,
    h("div", { class: "columns" }, ...twins),
  );
};

/** The quantities that the form names. */
export const courses = (form) => {
  quantities = form.counts.map((q) => ({ ...q, label: labelled(q.label) }));
};

export const showNoCourses = () => byId("course").replaceChildren();
