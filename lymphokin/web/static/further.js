// When a plan begins, its immune dose and the lesions that it treats.

import { ask } from "./api.js";
import { announce, h } from "./dom.js";
import { labelled, numberInput, write } from "./inputs.js";
import { typed } from "./numbers.js";
import * as schedules from "./schedule.js";
import { number, readDay, said, t, writeDay } from "./words.js";

/** Number of lesions that the patient has, as far as it is entered. */
const lesionCount = ({ site, n_lesions: stated }) => {
  const named = `${site}`.split("+").length;
  return named > 1 ? named : Number.isInteger(stated) ? Math.min(Math.max(stated, 1), 10) : 1;
};

/** When a plan begins, its immune dose and the lesions that it treats. */
export const furtherInputs = (key, { form, state, change }) => {
  const letter = key.toUpperCase();
  const read = () => state()[key];
  const begins = h("input", {
    id: `begins-${key}`,
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    maxlength: 8,
    "aria-label": t("plan.begins_of", { letter }),
    onchange: () => {
      const day = readDay(begins, typed);
      const fits = Number.isInteger(day) && day >= 0 && day + schedules.fractionDays(read()).at(-1) - schedules.fractionDays(read())[0] <= form.limits.latest_fraction_day;
      if (fits) change((next) => schedules.beginOn(next[key], day));
      else announce(t("refuse.begins", { last: form.limits.latest_fraction_day }));
    },
  });
  const [holder, at] = key === "a" ? [(s) => s.patient, "patient.immune_dose_gy"] : [(s) => s[key], `${key}.immune_dose_gy`];
  const dose = numberInput(`immune-${key}`, () => change((next) => (holder(next).immune_dose_gy = typed(dose.value)), `${key}.immune`));
  dose.setAttribute("aria-label", t("plan.immune_of", { letter }));
  dose.setAttribute("aria-describedby", `immune-hint-${key}`);
  const notice = h("p", { class: "hint small", role: "status" });
  const readFile = async (chosen) => {
    if (!chosen) return;
    try {
      const { immune_dose_gy: gy, immune_dose_source: source, notes } = await ask("dose", { text: await chosen.text() });
      change((next) => {
        holder(next).immune_dose_gy = gy;
        if (key === "a") next.patient.immune_dose_source = source;
      });
      const also = notes.length ? t("plan.dose_notes", { notes: notes.map(said).join("; ") }) : "";
      notice.textContent = `${t("plan.dose_read", { gy, file: chosen.name })} ${also}`;
    } catch (error) {
      notice.textContent = t("plan.dose_refused", { file: chosen.name, why: error.message });
    }
  };
  const file = h("input", { type: "file", id: `dose-file-${key}`, accept: ".csv,text/csv", hidden: true, "aria-label": t("plan.file_of", { letter }), onchange: () => readFile(file.files[0]).then(() => (file.value = "")) });
  const open = h("button", { type: "button", "aria-label": t("plan.file_of", { letter }), onclick: () => file.click() }, t("plan.file"));
  const lesions = h("div", { class: "lesions", role: "group", "aria-label": t("plan.lesions_of", { letter }) });
  const choose = () => {
    const boxes = [...lesions.querySelectorAll("input")];
    const chosen = boxes.flatMap((box, i) => (box.checked ? [i + 1] : []));
    if (!chosen.length) return drawLesions();
    change((next) => schedules.setLesions(next[key], chosen.length === boxes.length ? null : chosen));
  };
  const drawLesions = () => {
    const count = lesionCount(state().patient);
    const treated = schedules.lesionsOf(read());
    lesions.hidden = count < 2 || !read().fractions.length;
    if (lesions.querySelectorAll("input").length !== count)
      lesions.replaceChildren(t("plan.lesions"), ...Array.from({ length: count }, (_, i) => h("label", {}, h("input", { type: "checkbox", onchange: choose }), number(i + 1))));
    [...lesions.querySelectorAll("input")].forEach((box, i) => (box.checked = !treated || treated.includes(i + 1)));
  };
  const dropped = (event) => {
    event.preventDefault();
    readFile(event.dataTransfer.files[0]);
  };
  const element = h(
    "div",
    { ondragover: (event) => event.preventDefault(), ondrop: dropped },
    h(
      "div",
      { class: "line further" },
      labelled(t("plan.begins"), begins),
      h("div", { "data-at": at }, labelled(t("plan.immune"), dose), h("div", { class: "notes" })),
      open,
      file,
      lesions,
    ),
    notice,
    h("p", { class: "hint small soft", id: `immune-hint-${key}` }, t("plan.immune_hint")),
  );
  const draw = (answer) => {
    const first = schedules.fractionDays(read())[0];
    writeDay(begins, first ?? null);
    begins.disabled = first === undefined;
    write(dose, holder(state()).immune_dose_gy);
    dose.placeholder = answer ? t("plan.estimated", { gy: answer.immune_dose_gy }) : "";
    drawLesions();
  };
  return { element, draw };
};
