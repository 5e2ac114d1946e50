// The patient: fields made from what the service says about them, and counts so far as rows.

import { byId, h } from "./dom.js";
import { write } from "./inputs.js";
import { converted, inInput, typed, unit } from "./numbers.js";
import { dateInFull, hasDates, joined, label as labelOf, number, readDay, said, t, writeDay } from "./words.js";

const textInput = (attributes) =>
  h("input", { type: "text", inputmode: "decimal", autocomplete: "off", maxlength: 12, ...attributes });

const options = (field) => field.choices.map(({ value, label }) => h("option", { value }, labelOf(label)));

const hintOf = (field) =>
  [labelOf(field.help), field.note && said(field.note), field.seen ? t("patient.seen", { low: field.seen[0], high: field.seen[1] }) : ""].filter(Boolean).join(" ");

/** One control of a field, and what writes the patient's value into it. */
const single = (field, id, edit) => {
  const described = `${id}-hint ${id}-notes`;
  if (field.kind !== "choice") {
    const input = textInput({ id, "data-least": field.minimum, "aria-describedby": described, oninput: () => edit(typed(input.value)) });
    return [input, (value) => write(input, value)];
  }
  const stated = field.required ? [] : [h("option", { value: "" }, t("patient.not_stated"))];
  const choice = h("select", { id, "aria-describedby": described, onchange: () => edit(choice.value || null) }, ...stated, ...options(field));
  return [choice, (value) => (choice.value = value ?? "")];
};

/** One choice for each lesion; they are joined by "+", and said once where they are all the same. */
const perLesion = (field, id, edit) => {
  const holder = h("div", { role: "group", "aria-label": labelOf(field.label) });
  const take = () => {
    const chosen = [...holder.children].map((choice) => choice.value);
    edit(new Set(chosen).size === 1 ? chosen[0] : chosen.join("+"));
  };
  const draw = (value, lesions) => {
    const named = value.split("+");
    const count = Math.max(named.length, Number.isInteger(lesions) ? Math.min(Math.max(lesions, 1), 10) : 1);
    while (holder.children.length > count) holder.lastChild.remove();
    while (holder.children.length < count) {
      const n = holder.children.length + 1;
      holder.append(h("select", { id: n === 1 ? id : `${id}-${n}`, "aria-label": n === 1 ? null : t("patient.lesion", { field: labelOf(field.label), n }), onchange: take }, ...options(field)));
    }
    [...holder.children].forEach((choice, i) => (choice.value = named[i] ?? named[0]));
  };
  return [holder, draw];
};

/** Asked beside the plans. */
const OF_A_PLAN = "immune_dose_gy";

/** Fields of the patient that the model reads; returns what draws them. */
export const patientFields = (root, form, { state, change }) => {
  const asked = form.fields.filter((field) => field.used && field.name !== OF_A_PLAN);
  const unused = form.fields.filter((field) => !field.used).map((field) => labelOf(field.label).toLowerCase());
  const places = [...asked.map((field) => [field, "", (patient) => patient]), ...form.covariates.map((field) => [field, "covariates.", (patient) => patient.covariates])];
  const draws = places.map(([field, within, holder]) => {
    const id = `p-${field.name}`;
    const edit = (value) => change((next) => (holder(next.patient)[field.name] = value), field.name);
    const [control, draw] = (field.kind === "choice_per_lesion" ? perLesion : single)(field, id, edit);
    root.append(
      h(
        "div",
        { class: "field", "data-at": `patient.${within}${field.name}` },
        h("label", { for: id }, labelOf(field.label), field.unit ? h("span", { class: "unit" }, unit(field.unit)) : null),
        control,
        h("div", { class: "hint", id: `${id}-hint` }, hintOf(field)),
        h("div", { class: "notes", id: `${id}-notes` }),
      ),
    );
    return () => draw(holder(state().patient)[field.name], state().patient.n_lesions);
  });
  if (unused.length) root.append(h("p", { class: "hint soft small" }, t("patient.not_asked", { fields: joined(unused) })));
  return () => draws.forEach((draw) => draw());
};

/** Counts so far: rows of day and value, for each quantity that may be entered. */
export const countRows = (root, { counts: quantities, levels }, { state, change }) => {
  const counts = () => state().patient.counts;
  const list = h("ul", { class: "rows" });
  const help = h("p", { class: "hint small soft" });
  const about = (count) => quantities.find((q) => q.quantity === count.quantity);
  const add = (quantity) => {
    change((next) => next.patient.counts.push({ day: null, value: null, quantity }));
    list.lastElementChild.querySelector("input").focus();
  };
  const input = (i, name, label) => {
    const control = textInput({
      "aria-label": label,
      maxlength: 16,
      "data-name": name,
      "data-least": name === "value" ? about(counts()[i]).minimum : null,
      oninput: () => {
        const value = name === "day" ? readDay(control, typed) : typed(control.value);
        change((next) => (next.patient.counts[i][name] = value), `counts.${i}.${name}`);
      },
      onchange: () => name === "value" && convert(i, control),
    });
    return control;
  };
  /** A count with its unit is converted when it is complete, and what was typed stays to be read. */
  const convert = (i, control) => {
    const found = converted(control.value, about(counts()[i]));
    const { value, n } = found ?? {};
    control.parentElement.querySelector(".converted").textContent = n ? t("counts.converted", { n, value: inInput(value) }) : "";
    if (!found) return;
    control.value = inInput(value);
    change((next) => (next.patient.counts[i].value = value), `counts.${i}.value`);
  };
  const remove = (i) => {
    change((next) => next.patient.counts.splice(i, 1));
    byId(`add-${quantities[0].quantity}`).focus();
  };
  const row = (count, i) =>
    h(
      "li",
      { "data-at": `patient.counts.${i}`, "data-day": t("counts.day") },
      input(i, "day", t("counts.day_of", { n: i + 1, what: labelOf(about(count).label) })),
      input(i, "value", t("counts.value_of", { n: i + 1, what: labelOf(about(count).label), unit: unit(about(count).unit) })),
      h("span", { class: "unit small soft", "aria-hidden": "true" }, unit(about(count).unit)),
      h("button", { type: "button", "aria-label": t("counts.remove", { n: i + 1 }), onclick: () => remove(i) }, "×"),
      h("div", { class: "converted hint", role: "status" }),
      h("div", { class: "written hint small soft" }),
      h("div", { class: "notes" }),
    );
  root.append(...[
    h("legend", {}, t("counts.title")),
    help,
    h("div", { class: "rows head small soft", "aria-hidden": "true" }, h("span", {}, t("counts.day")), h("span", {}, t("counts.count"))),
    list,
    h("div", { class: "bar" }, ...quantities.map((q) => h("button", { type: "button", id: `add-${q.quantity}`, onclick: () => add(q.quantity) }, t("counts.add", { what: labelOf(q.label) })))),
    levels.length ? h("p", { class: "hint small soft" }, t("counts.levels", { what: joined(levels.map((q) => `${labelOf(q.label)} (${unit(q.unit)})`)) })) : null,
    h("div", { "data-at": "patient.counts" }, h("div", { class: "notes" })),
  ].filter(Boolean));
  let shape = "";
  return () => {
    document.body.classList.toggle("dated", hasDates());
    help.textContent = t(hasDates() ? "counts.help_dates" : "counts.help");
    const now = counts().map((c) => c.quantity).join();
    if (now !== shape) list.replaceChildren(...counts().map(row));
    shape = now;
    [...list.children].forEach((item, i) => {
      for (const control of item.querySelectorAll("input")) (control.dataset.name === "day" ? writeDay : write)(control, counts()[i][control.dataset.name]);
      item.querySelector(".written").textContent = dateInFull(counts()[i].day);
    });
  };
};
