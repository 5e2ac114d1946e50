// The answer: so many of 100 patients, by schedule, and what the difference is. Every number
// stands here as the service gave it.

import { byId, h } from "./dom.js";
import { people, personKey, riskBar } from "./icons.js";
import { inWords } from "./schedule.js";

const minus = (value) => `${value}`.replace("-", "−");
const range = (estimate) => `${estimate.low_of_100} to ${estimate.high_of_100}`;

const riskRow = (label, estimate, kind, hint) =>
  h(
    "tr",
    { class: kind },
    h("th", { scope: "row" }, label, hint ? h("span", { class: "soft" }, ` ${hint}`) : null),
    h("td", { class: "drawn" }, riskBar(estimate, kind)),
    h("td", { class: "n" }, h("b", {}, `${estimate.of_100}`)),
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
      zero ? riskRow("if γ = 0", grade2(zero.planned), "aside", "MDSC do not hold lymphocytes back") : null,
      riskRow("without ATRA", grade2(fitted.no_atra), "aside"),
      riskRow("no treatment", grade2(fitted.no_treatment), "aside"),
    ),
  );
};

const gradeLine = (risk) =>
  h(
    "ul",
    { class: "key", "aria-label": "Grades among them" },
    h("li", {}, personKey("three"), `${risk.grade3.measured.of_100} grade 3 or 4`),
    h("li", {}, personKey("four"), `${risk.grade4.measured.of_100} grade 4`),
  );

/** One schedule's answer. */
const scheduleAnswer = (letter, id, answer, plan, warned) => {
  const { planned } = answer.fitted;
  const measured = planned.grade2.measured;
  const of100 = {
    grade2: measured.of_100,
    grade3: planned.grade3.measured.of_100,
    grade4: planned.grade4.measured.of_100,
  };
  const label = `${of100.grade2} of 100 people filled: grade 2 or worse; ${of100.grade3} of them grade 3 or 4, ${of100.grade4} grade 4`;
  return [
    heading(letter, id, plan),
    h(
      "div",
      { class: "body" },
      people(of100, label),
      h(
        "div",
        {},
        h(
          "p",
          { class: "count" },
          "about ",
          h("b", { "data-number": `${letter}.of_100` }, `${of100.grade2}`),
          " of 100 patients like this ",
          h("span", { class: "soft" }, "will have a lymphocyte count below 0.8 (grade ≥ 2) on day ", `${answer.endpoint_day}`),
        ),
        h("p", { class: "small" }, `Range ${range(measured)} of 100; true count below 0.8: ${planned.grade2.true.of_100}.`),
        gradeLine(planned),
        warned ? h("p", { class: "warn" }, warned) : null,
      ),
    ),
    riskTable(answer),
  ];
};

const heading = (letter, id, plan) =>
  h("h2", { id }, h("span", { class: "unseen" }, "Schedule "), h("span", { class: "letter" }, letter), h("span", {}, plan));

/** "9 fewer of 100 under B" and how sure that is. `difference` is A minus B. */
const headline = ({ difference, difference_gamma_zero: zero }) => {
  const size = Math.abs(difference.of_100);
  const lower = difference.of_100 > 0 ? "B" : "A";
  const higher = lower === "B" ? "A" : "B";
  const say = size
    ? `Under ${lower}, ${size} fewer of 100 patients have grade ≥ 2 lymphopenia than under ${higher}`
    : "A and B: no difference in 100 patients";
  const chance = lower === "B" ? difference.probability_b_lower : difference.probability_a_lower;
  const detail = `A minus B: ${minus(difference.low_of_100)} to ${minus(difference.high_of_100)} of 100 (90 % interval); probability that ${lower} is lower: ${chance}.`;
  const without = zero ? ` With γ = 0 (no effect of ATRA on lymphocytes): ${minus(zero.of_100)}.` : "";
  return [h("p", { class: "say" }, say), h("p", {}, `${detail}${without}`)];
};

const HOLDERS = ["schedule-0", "schedule-1"];

/** Make room for the answers. */
export const answers = () => {
  HOLDERS.forEach((holder, i) => {
    byId(holder).prepend(h("section", { class: "answer", id: `answer-${i}`, "aria-labelledby": `name-${i}` }, heading("AB"[i], `name-${i}`, "")));
  });
};

/** Show an answer. */
export const showAnswer = (answer, question) => {
  const strong = answer.warnings.filter((w) => w.severity !== "note");
  ["a", "b"].forEach((key, i) => {
    const outside = strong.some((w) => !/^[ab]\b/.test(w.field) || w.field.startsWith(key));
    const warned = outside ? "Outside what the model has seen: see the warnings." : null;
    byId(`answer-${i}`).replaceChildren(...scheduleAnswer(key.toUpperCase(), `name-${i}`, answer[key], inWords(question[key]), warned));
  });
  byId("headline").replaceChildren(...headline(answer));
  byId("brief").textContent = `A ${answer.a.fitted.planned.grade2.measured.of_100} · B ${answer.b.fitted.planned.grade2.measured.of_100} of 100`;
};

/** While there is no answer to what is entered: no number stays on the page. */
export const showNoAnswer = (why, kind, question) => {
  HOLDERS.forEach((_, i) => byId(`answer-${i}`).replaceChildren(heading("AB"[i], `name-${i}`, inWords(question["ab"[i]]))));
  byId("headline").replaceChildren(h("p", { class: kind }, why));
  byId("brief").textContent = "";
};

/** An answer is under way: what stands there is shown to be old. */
export const showBusy = (busy) => {
  byId("board").classList.toggle("busy", busy);
  byId("board").setAttribute("aria-busy", busy);
};
