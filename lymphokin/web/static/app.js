// The page: builds itself from what the service says, asks at every change, shows the answer.

import { answers, showAnswer, showBusy, showNoAnswer } from "./answer.js";
import { form as readForm, latest, warm } from "./api.js";
import { showBehind, showNotes, showProvenance } from "./behind.js";
import { courses, showCourses, showNoCourses } from "./courses.js";
import { announce, byId, h } from "./dom.js";
import { countRows, patientFields } from "./patient.js";
import { plans } from "./plan.js";
import { restore, showRecord, tools } from "./record.js";
import { scan } from "./scan.js";
import { change, onChange, start, state } from "./state.js";

const PAUSE_MS = 30;

/** What is entered, without rows that are still being typed. */
const question = () => {
  const asked = structuredClone(state());
  asked.patient.counts = asked.patient.counts.filter((c) => c.day !== null && c.value !== null);
  return asked;
};

let last = null;

const fail = (error) => {
  last = null;
  showBusy(false);
  byId("warnings").hidden = true;
  byId("why").replaceChildren();
  showNoCourses();
  const rest = showNotes(error.problems, "error");
  const why = rest.length ? rest.map((p) => p.text).join("; ") : "see what is marked below";
  showNoAnswer(`No answer: ${why}.`.replace("..", "."), "error", state());
};

const begin = async () => {
  await warm(({ detail }) => {
    byId("headline").replaceChildren(h("p", { class: "soft" }, `Warming up: ${detail || "the form is next"}…`));
  });
  const form = await readForm();
  showProvenance(form.provenance);
  start(form.default);
  const drawPlans = plans(form, { state, change });
  answers();
  courses();
  const drawFields = patientFields(byId("fields"), form, { state, change });
  const drawCounts = countRows(byId("counts"), form.counts, { state, change });
  const draw = (answer) => {
    drawFields();
    drawCounts();
    drawPlans(answer);
    showRecord();
  };
  const answered = (answer, asked) => {
    last = { answer, asked };
    showBusy(false);
    showAnswer(answer, asked);
    showBehind(answer);
    showCourses(answer, asked);
    drawPlans(answer);
    history.replaceState(asked, "");
  };
  const ask = latest("whatif", PAUSE_MS, { answered, failed: fail });
  let ready = false;
  onChange(() => {
    draw(last?.answer);
    showBusy(true);
    if (ready) ask(question());
  });
  draw(null);
  scan({ question, load: (key, schedule) => change((next) => (next[key] = schedule)) });
  tools({ question, last: () => last });
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (last && contentRect.width !== width) showCourses(last.answer, last.asked);
    width = contentRect.width;
  }).observe(byId("board"));
  await restore();
  ready = true;
  ask(question());
};

begin().catch((error) => {
  console.error(error);
  byId("headline").replaceChildren(h("p", { class: "error" }, `The page could not start: ${error.message}`));
  announce("The page could not start.");
});
