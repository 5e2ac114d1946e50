// The answer: how many of 100 patients, by schedule, and what the difference is. Every number
// stands here as the service gave it.

import { byId, h } from "./dom.js";
import { allLabels, disputed, drugs } from "./drugs.js";
import { apart, happens, isChance, meaningOf } from "./judge.js";
import { people, personKey, riskBar } from "./icons.js";
import { change, hundredths, of100, probability, range, unit } from "./numbers.js";
import { inWords } from "./schedule.js";
import { fromTo, label as labelled, number, parts, said, t } from "./words.js";

const riskRow = (label, estimate, kind, largest) =>
  h(
    "tr",
    { class: kind },
    h("th", { scope: "row" }, label),
    h("td", { class: "drawn" }, riskBar(estimate, kind, largest)),
    h("td", { class: "n" }, h("b", {}, of100(estimate))),
    h("td", { class: "n soft" }, range(estimate)),
  );

const riskTable = ({ judged }, endpoint, warned) => {
  const row = (label, estimate, kind) => riskRow(label, estimate, kind, endpoint.largest);
  return h(
    "table",
    { class: warned ? "risks outside" : "risks" },
    h("caption", { class: "unseen" }, `${meaningOf(endpoint)}, ${unit(endpoint.unit)}`),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, t("answer.same_patient")),
        h("td", { class: "drawn small soft" }, h("span", { class: "scale" }, h("span", {}, "0"), h("span", {}, isChance(endpoint) ? "100" : number(endpoint.largest)))),
        h("th", { scope: "col", class: "n" }, unit(endpoint.unit)),
        h("th", { scope: "col", class: "n" }, "90 %"),
      ),
    ),
    h(
      "tbody",
      {},
      row(t("answer.as_planned"), judged.planned, "this"),
      judged.without_link ? row(labelled(disputed().without), judged.without_link, "aside") : null,
      drugs().length ? row(t("answer.without", { drugs: allLabels() }), judged.no_drug, "aside") : null,
      row(t("answer.untreated"), judged.no_treatment, "aside"),
    ),
  );
};

const gradeLine = (risk) =>
  h(
    "ul",
    { class: "key", "aria-label": t("answer.grades") },
    h("li", {}, personKey("three"), t("answer.grade34", { count: of100(risk.grade3.measured) })),
    h("li", {}, personKey("four"), t("answer.grade4", { count: of100(risk.grade4.measured) })),
  );

/** The figure of 100 people; nothing where what is judged is no probability. */
const figure = ({ fitted, judged }, endpoint) => {
  if (!isChance(endpoint)) return null;
  const grade = (name) => (endpoint.on_a_day ? fitted.planned[name].measured.of_100 : 0);
  const filled = { grade2: judged.planned.of_100, grade3: grade("grade3"), grade4: grade("grade4") };
  const label = t(endpoint.on_a_day ? "answer.figure_grades" : "answer.figure", { ...filled, what: happens(endpoint) });
  return people(filled, label);
};

/** "about 31 of 100 patients like this will have ... on day 46"; `number` is the element of the number. */
const sentence = ({ judged }, endpoint, number) => {
  const when = fromTo(judged.window);
  const rest = (key) => h("span", { class: "soft" }, t(key, { what: happens(endpoint), when }));
  if (!isChance(endpoint)) return parts("answer.mean", { number, what: happens(endpoint), rest: rest("answer.on_average") });
  return parts("answer.about", { number, rest: rest(endpoint.on_a_day ? "answer.will_report" : "answer.will") });
};

/** How far patients like this one differ in the number itself. */
const spread = ({ judged: { spread: s } }, endpoint) => {
  if (!s) return null;
  const { key } = endpoint.happens;
  const of = /est$/.test(key) ? "× " + unit("1e9/L") : /fold/.test(key) ? t("answer.times_before") : unit("days");
  return h("p", { class: "small" }, t("answer.spread", { ...s, unit: of }));
};

/** One schedule's answer. */
const scheduleAnswer = (letter, id, answer, plan, warned, endpoint) => [
  heading(letter, id, plan),
  h(
    "div",
    { class: isChance(endpoint) ? "body" : "body bare" },
    figure(answer, endpoint),
    h(
      "div",
      {},
      h("p", { class: "count" }, ...sentence(answer, endpoint, h("b", { "data-number": `${letter}.of_100`, class: warned ? "outside" : null }, of100(answer.judged.planned)))),
      h("p", { class: "small" }, t("answer.interval", { range: range(answer.judged.planned) })),
      h("p", { class: warned ? "small over outside" : "small over", id: `over-${"AB".indexOf(letter)}` }),
      endpoint.on_a_day ? gradeLine(answer.fitted.planned) : spread(answer, endpoint),
      answer.assumption ? h("p", { class: "warn" }, `${said(answer.assumption)}.`) : null,
      warned ? h("p", { class: "warn" }, warned) : null,
    ),
  ),
];

const heading = (letter, id, plan) =>
  h("h2", { id }, h("span", { class: "unseen" }, `${t("answer.schedule")} `), h("span", { class: "letter" }, letter), h("span", {}, plan));

/** "B instead of A: 9 fewer of 100" and how sure that is. `difference` is A minus B. */
const headline = ({ difference, endpoint, a, b }) => {
  const chance = isChance(endpoint);
  const whole = (value) => (chance ? hundredths(value) : value);
  const size = Math.abs(whole(difference.p));
  const lower = difference.p < 0 ? "A" : "B";
  const days = apart(a.judged.window, b.judged.window);
  const note = days ? h("p", { class: "small soft" }, days) : null;
  const kind = chance ? "chance" : "number";
  const words = { what: happens(endpoint), size, n: size };
  const enough = whole(difference.better_by);
  const small = difference.verdict !== "unclear" && size < enough;
  if (difference.verdict === "same") return [h("p", { class: "say" }, t(`headline.same_${kind}`, words)), note];
  const verdict = difference.verdict === "unclear" ? "unclear" : lower === "B" ? "fewer" : "more";
  const of = unit(endpoint.unit);
  const interval = t("headline.interval", { low: change(whole(difference.low)), high: change(whole(difference.high)), unit: of });
  const better = lower === "B" ? difference.probability_b_better : difference.probability_a_better;
  const likely = () => ` ${t("headline.likely", { lower, by: enough, unit: of, share: probability(better) })}`;
  return [
    h("p", { class: "say" }, t(`headline.${verdict}_${kind}`, words), small ? h("span", { class: "soft" }, t("headline.small", { by: enough })) : null),
    h("p", {}, interval, difference.assumption ? null : likely()),
    difference.assumption ? h("p", { class: "warn" }, `${said(difference.assumption)}.`) : null,
    note,
    h("p", { class: "small over", id: "over" }),
  ];
};

const HOLDERS = ["schedule-0", "schedule-1"];

/** Make room for the answers: the number above the plan, what it compares with below. */
export const answers = () => {
  HOLDERS.forEach((holder, i) => {
    byId(holder).prepend(h("div", { class: "answer", id: `answer-${i}` }, heading("AB"[i], `name-${i}`, "")));
    byId(holder).append(h("div", { class: "compared", id: `compared-${i}` }));
  });
};

/** Show an answer. */
export const showAnswer = (answer, question) => {
  const outside = answer.warnings.filter((w) => w.severity !== "note" && (w.field || w.joint));
  ["a", "b"].forEach((key, i) => {
    const concerned = outside.some((w) => !/^[ab]\b/.test(w.field) || w.field.startsWith(key));
    const warned = concerned ? t("answer.warned") : null;
    byId(`answer-${i}`).replaceChildren(...scheduleAnswer(key.toUpperCase(), `name-${i}`, answer[key], inWords(question[key]), warned, answer.endpoint));
    byId(`compared-${i}`).replaceChildren(riskTable(answer[key], answer.endpoint, warned));
  });
  byId("headline").replaceChildren(...headline(answer).filter(Boolean));
  byId("board").classList.toggle("outside", outside.length > 0);
  byId("brief").textContent = ["a", "b"]
    .map((key) => t("answer.brief", { letter: key.toUpperCase(), count: of100(answer[key].judged.planned), unit: unit(answer.endpoint.unit) }))
    .join(" · ");
};

/** While there is no answer to what is entered: no number stays on the page. */
export const showNoAnswer = (why, question) => {
  HOLDERS.forEach((_, i) => {
    byId(`answer-${i}`).replaceChildren(heading("AB"[i], `name-${i}`, inWords(question["ab"[i]])));
    byId(`compared-${i}`).replaceChildren();
  });
  byId("headline").replaceChildren(h("p", { class: "error" }, why));
  byId("brief").textContent = "";
};

/** An answer is under way: what stands there is shown to be old, or a preview that may move. */
export const showBusy = (busy, preview = false) => {
  byId("board").classList.toggle("busy", busy && !preview);
  byId("board").classList.toggle("preview", preview);
  byId("board").setAttribute("aria-busy", busy);
};
