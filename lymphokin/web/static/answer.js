// The answer: how many of 100 patients, by schedule, and what the difference is. Every number
// stands here as the service gave it.

import { byId, h } from "./dom.js";
import { people, personKey, riskBar } from "./icons.js";
import { hundredths, of100, probability, range, signed } from "./numbers.js";
import { inWords } from "./schedule.js";

const riskRow = (label, estimate, kind, hint) =>
  h(
    "tr",
    { class: kind },
    h("th", { scope: "row" }, label, hint ? h("span", { class: "soft" }, ` ${hint}`) : null),
    h("td", { class: "drawn" }, riskBar(estimate, kind)),
    h("td", { class: "n" }, h("b", {}, of100(estimate))),
    h("td", { class: "n soft" }, range(estimate)),
  );

const riskTable = (answer) => {
  const grade2 = (risk) => risk.grade2.measured;
  const { fitted, gamma_zero: zero } = answer;
  return h(
    "table",
    { class: "risks" },
    h("caption", { class: "unseen" }, "Risk of grade 2 or worse at the 6-week visit, of 100 patients"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, "The same patient"),
        h("td", { class: "drawn small soft" }, h("span", { class: "scale" }, h("span", {}, "0"), h("span", {}, "100"))),
        h("th", { scope: "col", class: "n" }, "of 100"),
        h("th", { scope: "col", class: "n" }, "90 %"),
      ),
    ),
    h(
      "tbody",
      {},
      riskRow("as planned", grade2(fitted.planned), "this"),
      zero ? riskRow("if myeloid cells held back no lymphocytes", grade2(zero.planned), "aside") : null,
      riskRow("without ATRA", grade2(fitted.no_atra), "aside"),
      riskRow("no treatment", grade2(fitted.no_treatment), "aside"),
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

/** One schedule's answer. */
const scheduleAnswer = (letter, id, answer, plan, warned) => {
  const { planned } = answer.fitted;
  const measured = planned.grade2.measured;
  const filled = {
    grade2: measured.of_100,
    grade3: planned.grade3.measured.of_100,
    grade4: planned.grade4.measured.of_100,
  };
  const label = `${filled.grade2} of 100 people filled: grade 2 or worse; ${filled.grade3} of them grade 3 or 4, ${filled.grade4} grade 4`;
  return [
    heading(letter, id, plan),
    h(
      "div",
      { class: "body" },
      people(filled, label),
      h(
        "div",
        {},
        h(
          "p",
          { class: "count" },
          "about ",
          h("b", { "data-number": `${letter}.of_100` }, of100(measured)),
          " of 100 patients like this ",
          h("span", { class: "soft" }, "will have a lymphocyte count below 0.8 × 10⁹/L (grade ≥ 2) on day ", `${answer.endpoint_day}`),
        ),
        h("p", { class: "small" }, `90 % interval ${range(measured)}.`),
        gradeLine(planned),
        warned ? h("p", { class: "warn" }, warned) : null,
      ),
    ),
  ];
};

const heading = (letter, id, plan) =>
  h("h2", { id }, h("span", { class: "unseen" }, "Schedule "), h("span", { class: "letter" }, letter), h("span", {}, plan));

/** "9 fewer of 100 under B" and how sure that is. `difference` is A minus B. */
const headline = ({ difference }) => {
  const size = Math.abs(difference.of_100);
  const lower = difference.of_100 > 0 ? "B" : "A";
  const higher = lower === "B" ? "A" : "B";
  if (difference.verdict === "same") return [h("p", { class: "say" }, "A and B: the same risk of grade ≥ 2 lymphopenia")];
  const unclear = difference.verdict === "unclear" ? "no clear difference, " : "";
  const say = size
    ? `${lower} instead of ${higher}: ${unclear}${size} fewer of 100 patients with grade ≥ 2 lymphopenia`
    : "A and B: the same number of 100 patients with grade ≥ 2 lymphopenia";
  const interval = `A minus B: ${signed(hundredths(difference.low))} to ${signed(hundredths(difference.high))} of 100 (90 % interval).`;
  const better = lower === "B" ? difference.probability_b_better : difference.probability_a_better;
  const chance = ` Probability that ${lower} is lower by 5 of 100 or more: ${probability(better)}.`;
  return [
    h("p", { class: "say" }, say),
    h("p", {}, interval, difference.assumption ? null : chance),
    difference.assumption ? h("p", { class: "warn" }, `${signed(difference.assumption)}.`) : null,
  ].filter(Boolean);
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
    byId(`answer-${i}`).replaceChildren(...scheduleAnswer(key.toUpperCase(), `name-${i}`, answer[key], inWords(question[key]), warned));
    byId(`compared-${i}`).replaceChildren(riskTable(answer[key]));
  });
  byId("headline").replaceChildren(...headline(answer));
  byId("brief").textContent = ["a", "b"]
    .map((key) => `${key.toUpperCase()}: ${of100(answer[key].fitted.planned.grade2.measured)} of 100`)
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
