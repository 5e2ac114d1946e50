// The courses under both schedules, as drawings and as tables.

import { chart, valueLimits } from "./chart.js";
import { byId, h } from "./dom.js";
import { drugs, shortLabel } from "./drugs.js";
import { signed, unit } from "./numbers.js";
import { end, pulsesOf } from "./schedule.js";

const QUANTILES = ["q05", "q25", "q50", "q75", "q95"];
/** What the model measures over days; lymphocytes first. */
let quantities = [];
const HEAD = ["5 %", "25 %", "median", "75 %", "95 %"];

const measuredOf = (counts, quantity) =>
  counts.filter((c) => c.quantity === quantity && Number.isFinite(c.day) && c.value > 0);

const dosesOf = (schedule) => ({
  fractions: schedule.fractions.map((f) => f.day),
  drugs: drugs().map(({ drug }) => ({
    label: shortLabel(drug),
    pulses: pulsesOf(schedule, drug).map((p) => [p.day, p.day + p.days]),
  })),
});

const tableOf = (letter, days, answer, others) => {
  const { alc_measured: alc } = answer.curves;
  const [first, visit] = answer.judged.window;
  const isVisit = (day) => first === visit && day === visit;
  const shown = days.map((day, i) => [day, i]).filter(([day]) => day % 7 === 0 || isVisit(day));
  return h(
    "details",
    { class: "twin" },
    h("summary", {}, `Schedule ${letter} as a table`),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": `Course under schedule ${letter}` },
      h(
        "table",
        {},
        h("caption", {}, "Lymphocytes as measured (10⁹/L), equal-tailed quantiles", ...others.map((q) => `; ${q.label} (${unit(q.unit)}), median`)),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, "Day"),
            ...HEAD.map((name) => h("th", { scope: "col", class: "n" }, name)),
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
              h("th", { scope: "row" }, signed(day), isVisit(day) ? " (visit)" : ""),
              ...QUANTILES.map((q) => h("td", { class: "n" }, `${alc[q][i]}`)),
              ...others.map((q) => h("td", { class: "n" }, `${answer.curves.others[q.quantity].q50[i]}`)),
            ),
          ),
        ),
      ),
    ),
  );
};

const fanOf = (curve, days, span) => {
  const kept = days.map((day, i) => [day, i]).filter(([day]) => day >= span[0] && day <= span[1]);
  const fan = { days: kept.map(([day]) => day) };
  for (const q of QUANTILES) fan[q] = kept.map(([, i]) => curve[q][i]);
  return fan;
};

/** Draw the courses of an answer to `question` under their plans. */
export const showCourses = (answer, question) => {
  const keys = ["a", "b"];
  const last = Math.max(...keys.flatMap((k) => [answer[k].judged.window[1] + 7, end(question[k])]));
  const { counts } = question.patient;
  const [judged, ...rest] = quantities;
  const others = rest.filter((q) => q.quantity in answer.a.curves.others);
  const alcSeen = measuredOf(counts, judged.quantity);
  const first = Math.max(answer.days[0], Math.min(-7, ...counts.map((c) => c.day)));
  const span = [first, Math.min(last, answer.days.at(-1))];
  const inSpan = (counts) => counts.filter((c) => c.day >= span[0] && c.day <= span[1]);
  const alc = keys.map((k) => fanOf(answer[k].curves.alc_measured, answer.days, span));
  const alcLimits = valueLimits(alc, inSpan(alcSeen), [0.4, 1.5]);
  const besides = others.map((q) => {
    const fans = keys.map((k) => fanOf(answer[k].curves.others[q.quantity], answer.days, span));
    const seen = inSpan(measuredOf(counts, q.quantity));
    return { ...q, fans, seen, limits: valueLimits(fans, seen, []) };
  });
  keys.forEach((key, i) => {
    const letter = "AB"[i];
    const holder = byId(`course-${i}`);
    const open = holder.querySelector("details.twin")?.open;
    const width = Math.max(280, holder.clientWidth || 440);
    const { alc: count } = answer[key].fitted.planned;
    const label = `Lymphocytes under schedule ${letter}: on day ${answer[key].endpoint_day}, median ${count.q50}, 90 % between ${count.q05} and ${count.q95} times 10 to the 9 per litre. The table below holds the course.`;
    const common = { days: span, width, judged: answer[key].judged.window };
    const twin = tableOf(letter, answer.days, answer[key], others);
    twin.open = Boolean(open);
    holder.replaceChildren(
      h("h3", {}, `Lymphocytes under ${letter}, 10⁹/L`),
      chart({ ...common, course: alc[i], other: alc[1 - i], limits: alcLimits, height: 230, measured: inSpan(alcSeen), grades: true, doses: dosesOf(question[key]), label }),
      h("p", { class: "small soft" }, `Counts as measured. Line: median; dark band: half of patients like this; pale band: 9 of 10. Dashed: ${"BA"[i]}. Dots: counts so far.`),
      ...besides.flatMap(({ label, unit: u, fans, seen, limits }) => [
        h("h3", {}, `${label} under ${letter}, ${unit(u)}`),
        chart({ ...common, course: fans[i], other: fans[1 - i], limits, height: 110, measured: seen, label: `${label} under schedule ${letter}; the table below holds the median.` }),
      ]),
      twin,
    );
  });
};

/** Make room under the plans, for the quantities that the form names. */
export const courses = (form) => {
  quantities = form.counts;
  [0, 1].forEach((i) => byId(`schedule-${i}`).append(h("div", { class: "course", id: `course-${i}` })));
};

export const showNoCourses = () => [0, 1].forEach((i) => byId(`course-${i}`).replaceChildren());
