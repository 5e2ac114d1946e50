// The patient: fields made from what the service says about them, and counts so far as rows.

import { byId, h } from "./dom.js";
import { fromMicrolitre, typed, unit } from "./numbers.js";

const textInput = (attributes) =>
  h("input", { type: "text", inputmode: "decimal", autocomplete: "off", maxlength: 12, ...attributes });

/** Write `value` into a control, unless the reader is typing in it. */
const write = (control, value) => {
  if (control !== document.activeElement) control.value = value ?? "";
};

const options = (field) => field.choices.map(({ value, label }) => h("option", { value }, label));

const hintOf = (field) =>
  [field.help, field.seen ? `Seen: ${field.seen[0]} to ${field.seen[1]}.` : ""].filter(Boolean).join(" ");

/** One control of a field, and what writes the patient's value into it. */
const single = (field, id, edit) => {
  const described = `${id}-hint ${id}-notes`;
  if (field.kind !== "choice") {
    const input = textInput({ id, "data-least": field.minimum, "aria-describedby": described, oninput: () => edit(typed(input.value)) });
    return [input, (value) => write(input, value)];
  }
  const stated = field.required ? [] : [h("option", { value: "" }, "not stated")];
  const choice = h("select", { id, "aria-describedby": described, onchange: () => edit(choice.value || null) }, ...stated, ...options(field));
  return [choice, (value) => (choice.value = value ?? "")];
};

/** One choice for each lesion; they are joined by "+", and said once where they are all the same. */
const perLesion = (field, id, edit) => {
  const holder = h("div", { role: "group", "aria-label": field.label });
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
      holder.append(h("select", { id: n === 1 ? id : `${id}-${n}`, "aria-label": n === 1 ? null : `${field.label}, lesion ${n}`, onchange: take }, ...options(field)));
    }
    [...holder.children].forEach((choice, i) => (choice.value = named[i] ?? named[0]));
  };
  return [holder, draw];
};

/** Fields of the patient that the model reads; returns what draws them. */
export const patientFields = (root, form, { state, change }) => {
  const asked = form.fields.filter((field) => field.used);
  const unused = form.fields.filter((field) => !field.used).map((field) => field.label.toLowerCase());
  const draws = asked.map((field) => {
    const id = `p-${field.name}`;
    const edit = (value) => change((next) => (next.patient[field.name] = value), field.name);
    const [control, draw] = (field.kind === "choice_per_lesion" ? perLesion : single)(field, id, edit);
    root.append(
      h(
        "div",
        { class: "field", "data-at": `patient.${field.name}` },
        h("label", { for: id }, field.label, field.unit ? h("span", { class: "unit" }, unit(field.unit)) : null),
        control,
        h("div", { class: "hint", id: `${id}-hint` }, hintOf(field)),
        h("div", { class: "notes", id: `${id}-notes` }),
      ),
    );
    return () => draw(state().patient[field.name], state().patient.n_lesions);
  });
  if (unused.length) root.append(h("p", { class: "hint soft small" }, `Not asked, as this model does not read it: ${unused.join(", ")}.`));
  return () => draws.forEach((draw) => draw());
};

/** Counts so far: rows of day and value, for each quantity that may be entered. */
export const countRows = (root, { counts: quantities, levels }, { state, change }) => {
  const counts = () => state().patient.counts;
  const list = h("ul", { class: "rows" });
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
      oninput: () => change((next) => (next.patient.counts[i][name] = typed(control.value)), `counts.${i}.${name}`),
      onchange: () => name === "value" && convert(i, control),
    });
    return control;
  };
  /** A count per µL is converted when it is complete, and what was typed stays to be read. */
  const convert = (i, control) => {
    const text = control.value.trim();
    const value = fromMicrolitre(text, about(counts()[i]));
    const said = control.parentElement.querySelector(".converted");
    said.textContent = value === null ? "" : `${Math.round(1000 * value)} per µL = ${value} × 10⁹/L`;
    if (value === null) return;
    control.value = value;
    change((next) => (next.patient.counts[i].value = value), `counts.${i}.value`);
  };
  const remove = (i) => {
    change((next) => next.patient.counts.splice(i, 1));
    byId(`add-${quantities[0].quantity}`).focus();
  };
  const row = (count, i) =>
    h(
      "li",
      { "data-at": `patient.counts.${i}` },
      input(i, "day", `Day of count ${i + 1}, ${about(count).label}`),
      input(i, "value", `Count ${i + 1}, ${about(count).label}, ${unit(about(count).unit)}`),
      h("span", { class: "unit small soft", "aria-hidden": "true" }, unit(about(count).unit)),
      h("button", { type: "button", "aria-label": `Remove count ${i + 1}`, onclick: () => remove(i) }, "×"),
      h("div", { class: "converted hint", role: "status" }),
      h("div", { class: "notes" }),
    );
  root.append(...[
    h("legend", {}, "Counts so far"),
    h("p", { class: "hint small soft" }, "Days from day 0 of the calendar; −7 is a week before. Those before treatment are the baseline."),
    h("div", { class: "rows head small soft", "aria-hidden": "true" }, h("span", {}, "day"), h("span", {}, "count")),
    list,
    h("div", { class: "bar" }, ...quantities.map((q) => h("button", { type: "button", id: `add-${q.quantity}`, onclick: () => add(q.quantity) }, `Add: ${q.label}`))),
    levels.length ? h("p", { class: "hint small soft" }, `This model also measures, and is not asked here: ${levels.map((q) => `${q.label} (${unit(q.unit)})`).join(", ")}.`) : null,
    h("div", { "data-at": "patient.counts" }, h("div", { class: "notes" })),
  ].filter(Boolean));
  let shape = "";
  return () => {
    const now = counts().map((c) => c.quantity).join();
    if (now !== shape) list.replaceChildren(...counts().map(row));
    shape = now;
    [...list.children].forEach((item, i) => {
      for (const control of item.querySelectorAll("input")) write(control, counts()[i][control.dataset.name]);
    });
  };
};
