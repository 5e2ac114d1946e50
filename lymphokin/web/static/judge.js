// What is judged: chosen by name or as the count on a day, and in words.

import { h } from "./dom.js";
import { typed } from "./numbers.js";
import { fromTo, label, readDay, said, t, writeDay } from "./words.js";

const DAY = /^day(\d+(?:\.\d+)?)$/;
const ON_A_DAY = "day";
/** The day that is offered first. */
const FIRST_DAY = 30;

/** "grade ≥ 2 lymphopenia", "days below 0.8" */
export const happens = (endpoint) => (endpoint.on_a_day ? t("judge.grade2") : said(endpoint.happens));

/** What is judged, as a title. */
export const meaningOf = (endpoint) => {
  const asked = DAY.exec(endpoint.name);
  return asked ? t("judge.on_a_day", { when: fromTo([Number(asked[1]), Number(asked[1])]) }) : label(endpoint.meaning);
};

/** Whether its number is one of 100 patients. */
export const isChance = (endpoint) => endpoint.unit === "of 100";

/** What A and B differ in when they are judged on other days; empty where they are not. */
export const apart = (a, b) => (`${a}` === `${b}` ? "" : t("judge.apart", { a: fromTo(a), b: fromTo(b) }));

/** The choice of what is judged; returns what draws it. */
export const judge = (root, form, { state, change }) => {
  const set = (endpoint, label = null) => change((next) => (next.endpoint = endpoint), label);
  const day = h("input", {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    maxlength: 5,
    "aria-label": t("judge.day_label"),
    oninput: () => {
      const value = readDay(day, typed);
      if (value !== null) set(`day${value}`, "endpoint");
    },
  });
  const choice = h(
    "select",
    { id: "endpoint", onchange: () => set(choice.value === ON_A_DAY ? `day${FIRST_DAY}` : choice.value) },
    ...form.endpoints.map(({ name, meaning }) => h("option", { value: name }, label(meaning))),
    h("option", { value: ON_A_DAY }, t("judge.own_day")),
  );
  const own = h("option", { value: "own" });
  const dayOf = h("label", { hidden: true }, t("judge.day"), day);
  root.append(h("label", {}, t("judge.label"), choice), dayOf, h("div", { class: "notes" }));
  return () => {
    const { endpoint } = state();
    const asked = DAY.exec(endpoint);
    const named = form.endpoints.some(({ name }) => name === endpoint);
    if (!named && typeof endpoint === "object") {
      own.textContent = endpoint.meaning;
      choice.append(own);
    }
    choice.value = named ? endpoint : typeof endpoint === "object" ? "own" : ON_A_DAY;
    dayOf.hidden = choice.value !== ON_A_DAY;
    if (asked) writeDay(day, Number(asked[1]));
  };
};
