// The page: builds itself from what the service says, asks at every change, shows the answer.

import { answers, showAnswer, showBusy, showNoAnswer } from "./answer.js";
import { form as readForm, latest, Refused, warm } from "./api.js";
import { showAbbreviations, showBehind, showNotes, showNothingBehind, showProvenance } from "./behind.js";
import { courses, showCourses, showNoCourses } from "./courses.js";
import { byId, h } from "./dom.js";
import { useModel } from "./drugs.js";
import { judge } from "./judge.js";
import { models } from "./models.js";
import { narrowing } from "./narrowing.js";
import { unfinished } from "./numbers.js";
import { options } from "./options.js";
import { countRows, patientFields } from "./patient.js";
import { plans } from "./plan.js";
import { restore, showRecord, tools } from "./record.js";
import { scan } from "./scan.js";
import { change, onChange, start, state } from "./state.js";
import { said, setDayZero, t } from "./words.js";

const PAUSE_MS = 30;
/** So long a number that may be half typed is waited for, before the service is asked. */
const UNFINISHED_MS = 900;

/** The last answer and its question; null while there is none to what is entered. */
let last = null;
/** Asks the other models. */
let others = null;
/** Draws the fields, the counts and the plans. */
let draw = () => {};

/** What is entered, without counts and covariates that are still being typed. */
const entered = () => {
  const { draws, ...asked } = structuredClone(state());
  asked.patient.counts = asked.patient.counts.filter((c) => c.day !== null && c.value !== null);
  asked.patient.covariates = Object.fromEntries(Object.entries(asked.patient.covariates).filter(([, value]) => value !== null));
  return asked;
};

/** The same as the service is asked: of the date of day 0 it hears nothing. */
const question = () => {
  const { day_0, ...asked } = entered();
  return asked;
};

/** What further questions ask about one of the schedules, as if it were the plan. */
const asPlan = (key) => {
  const { patient, endpoint, ...both } = question();
  const schedule = both[key];
  // An immune dose in the patient's form is that of A; B got its part of it.
  if (key === "b" && patient.immune_dose_gy !== null) schedule.immune_dose_gy ??= last?.answer.b.immune_dose_gy ?? null;
  return { patient, schedule, endpoint };
};

const failed = (error) => {
  last = null;
  others.forget();
  showBusy(false);
  showNothingBehind();
  showNoCourses();
  const elsewhere = showNotes(error.problems, "error");
  const why = [...new Set(error.problems.map((p) => p.text))].slice(0, 3);
  if (!elsewhere.length) why.push(t("app.mend"));
  showNoAnswer(t("app.no_answer", { why: why.join("; ") }), state());
  draw();
};

/** Show an answer; `settled` when no better one is under way. */
const answered = (answer, asked, settled) => {
  const { reliable, note } = answer.conditioning;
  if (!reliable) {
    const text = t("app.withheld", { note: said(note) });
    return failed(new Refused([{ field: "patient.counts", text }]));
  }
  last = { answer, asked };
  showBusy(!settled, !settled);
  showAnswer(answer, asked);
  showBehind(answer);
  showCourses(answer, asked);
  draw();
  if (settled) others.ask(asked);
  history.replaceState(entered(), "");
};

/** Draw the courses anew when there is more or less room for them. */
const followWidth = () => {
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (last && contentRect.width !== width) showCourses(last.answer, last.asked);
    width = contentRect.width;
  }).observe(byId("course"));
};

const build = (form) => {
  useModel(form);
  showProvenance(form.provenance);
  showAbbreviations(form);
  start({ ...form.default, day_0: null });
  const drawPlans = plans(form, { state, change });
  answers();
  courses(form);
  const drawJudge = judge(byId("judge"), form, { state, change });
  const drawFields = patientFields(byId("fields"), form, { state, change });
  const drawCounts = countRows(byId("counts"), form, { state, change });
  draw = () => {
    setDayZero(state().day_0);
    drawJudge();
    drawFields();
    drawCounts();
    drawPlans(last?.answer);
    showRecord();
  };
  draw();
  const load = (key, schedule) => change((next) => (next[key] = schedule));
  const bed = () => last?.answer.a.bed10_gy ?? null;
  others = models();
  for (const drawer of [scan, options, narrowing]) onChange(drawer({ asPlan, load, bed }));
  tools({ entered, last: () => last, form });
  followWidth();
};

const say = (text, kind) => byId("headline").replaceChildren(h("p", { class: kind }, text));

const begin = async () => {
  await warm(() => say(t("app.warming"), "soft"));
  const form = await readForm();
  build(form);
  await restore(form);
  const { preview_draws: first, settled_draws: better } = form;
  const ask = latest("whatif", {
    answered: (answer, asked) => {
      const settled = asked.draws !== first;
      answered(answer, asked, settled);
      if (!settled && last) ask({ ...asked, draws: better });
    },
    failed,
  });
  const changed = () => {
    draw();
    others.forget();
    showBusy(true);
    ask({ ...question(), draws: first }, unfinished(document.activeElement) ? UNFINISHED_MS : PAUSE_MS);
  };
  onChange(changed);
  changed();
};

begin().catch((error) => say(t("app.not_started", { why: error.message }), "error"));
