// The answer: how many of 100 patients, by schedule, and what the difference is. Every number
// stands here as the service gave it.

import { byId, h } from "./dom.js";
import { allLabels, disputed, drugs } from "./drugs.js";
import { apart, counted, happens, isChance, when } from "./judge.js";
import { people, personKey, riskBar } from "./icons.js";
import { hundredths, of100, probability, range, signed } from "./numbers.js";
import { inWords } from "./schedule.js";

const riskRow = (label, estimate, kind, largest) =>
  h(
    "tr",
    { class: kind },
    h("th", { scope: "row" }, label),
    h("td", { class: "drawn" }, riskBar(estimate, kind, largest)),
    h("td", { class: "n" }, h("b", {}, of100(estimate))),
    h("td", { class: "n soft" }, range(estimate)),
  );

const riskTable = ({ judged }, endpoint) => {
  const row = (label, estimate, kind) => riskRow(label, estimate, kind, endpoint.largest);
  return h(
    "table",
    { class: "risks" },
    h("caption", { class: "unseen" }, `${endpoint.meaning}, ${endpoint.unit}`),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, "The same patient"),
        h("td", { class: "drawn small soft" }, h("span", { class: "scale" }, h("span", {}, "0"), h("span", {}, isChance(endpoint) ? "100" : `${endpoint.largest}`))),
        h("th", { scope: "col", class: "n" }, endpoint.unit),
        h("th", { scope: "col", class: "n" }, "90 %"),
      ),
    ),
    h(
      "tbody",
      {},
      row("as planned", judged.planned, "this"),
      judged.without_link ? row(disputed().without, judged.without_link, "aside") : null,
      drugs().length ? row(`without ${allLabels()}`, judged.no_drug, "aside") : null,
      row("no treatment", judged.no_treatment, "aside"),
    ),
  );
};

const gradeLine = (risk) =>
  h(
    "ul",
    { class: "key", "aria-label": "Grades among them" },
    h("li", {}, personKey("three"), `${of100(risk.grade3.measured)} grade 3 or 4`),
    h("li", {}, personKey("four"), `${of100(risk.grade4.measured)} grade 4`),
  );

/** The figure of 100 people; nothing where what is judged is no probability. */
const figure = ({ fitted, judged }, endpoint) => {
  if (!isChance(endpoint)) return null;
  const grade = (name) => (endpoint.on_a_day ? fitted.planned[name].measured.of_100 : 0);
  const filled = { grade2: judged.planned.of_100, grade3: grade("grade3"), grade4: grade("grade4") };
  const worse = endpoint.on_a_day ? `; ${filled.grade3} of them grade 3 or 4, ${filled.grade4} grade 4` : "";
  return people(filled, `${filled.grade2} of 100 people filled: ${happens(endpoint)}${worse}`);
};

/** "of 100 patients like this will have ... on day 46" */
const sentence = ({ judged }, endpoint) => {
  const then = when(judged.window);
  if (!isChance(endpoint)) return [` ${happens(endpoint)} `, h("span", { class: "soft" }, `on average in patients like this, ${then}`)];
  const what = endpoint.on_a_day ? "a lymphocyte count below 0.8 × 10⁹/L (grade ≥ 2)" : happens(endpoint);
  return [" of 100 patients like this ", h("span", { class: "soft" }, `will have ${what} ${then}`)];
};

/** How far patients like this one differ in the number itself. */
const spread = ({ judged: { spread: s } }, endpoint) => {
  if (!s) return null;
  const number = isChance(endpoint) && /^a (low|high)est/.test(endpoint.happens) ? " × 10⁹/L" : " days";
  return h("p", { class: "small" }, `Half of them: ${s.q25} to ${s.q75}${number}; 9 of 10: ${s.q05} to ${s.q95}.`);
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
      h("p", { class: "count" }, "about ", h("b", { "data-number": `${letter}.of_100`, class: warned ? "outside" : null }, of100(answer.judged.planned)), ...sentence(answer, endpoint)),
      h("p", { class: "small" }, `90 % interval ${range(answer.judged.planned)}.`),
      h("p", { class: "small over", id: `over-${"AB".indexOf(letter)}` }),
      endpoint.on_a_day ? gradeLine(answer.fitted.planned) : spread(answer, endpoint),
      warned ? h("p", { class: "warn" }, warned) : null,
    ),
  ),
];

const heading = (letter, id, plan) =>
  h("h2", { id }, h("span", { class: "unseen" }, "Schedule "), h("span", { class: "letter" }, letter), h("span", {}, plan));

/** "9 fewer of 100 under B" and how sure that is. `difference` is A minus B. */
const headline = ({ difference, endpoint, a, b }) => {
  const chance = isChance(endpoint);
  const whole = (value) => (chance ? hundredths(value) : value);
  const size = Math.abs(whole(difference.p));
  const lower = difference.p > 0 ? "B" : "A";
  const higher = lower === "B" ? "A" : "B";
  const days = apart(a.judged.window, b.judged.window);
  const note = days ? h("p", { class: "small soft" }, days) : null;
  const what = happens(endpoint);
  if (difference.verdict === "same") return [h("p", { class: "say" }, `A and B: the same ${chance ? "risk" : "number"} of ${what}`), note];
  const unclear = difference.verdict === "unclear" ? "no clear difference, " : "";
  const say = size
    ? `${lower} instead of ${higher}: ${unclear}${size} fewer ${counted(endpoint)}`
    : `A and B: the same number ${chance ? "" : "of "}${counted(endpoint)}`;
  const interval = `A minus B: ${signed(whole(difference.low))} to ${signed(whole(difference.high))} ${endpoint.unit} (90 % interval).`;
  const better = lower === "B" ? difference.probability_b_better : difference.probability_a_better;
  const likely = ` Probability that ${lower} is lower by ${whole(difference.better_by)} ${endpoint.unit} or more: ${probability(better)}.`;
  return [
    h("p", { class: "say" }, say),
    h("p", {}, interval, difference.assumption ? null : likely),
    difference.assumption ? h("p", { class: "warn" }, `${signed(difference.assumption)}.`) : null,
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
    const warned = concerned ? "Read the warnings above before this number." : null;
    byId(`answer-${i}`).replaceChildren(...scheduleAnswer(key.toUpperCase(), `name-${i}`, answer[key], inWords(question[key]), warned, answer.endpoint));
    byId(`compared-${i}`).replaceChildren(riskTable(answer[key], answer.endpoint));
  });
  byId("headline").replaceChildren(...headline(answer).filter(Boolean));
  byId("brief").textContent = ["a", "b"]
    .map((key) => `${key.toUpperCase()}: ${of100(answer[key].judged.planned)} ${answer.endpoint.unit}`)
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
