// What is judged: chosen by name or as the count on a day, and in words.

import { h } from "./dom.js";
import { typed } from "./numbers.js";
import { day as onThe, fromTo, label, readDay, said, t, writeDay } from "./words.js";

/** What is judged on, or by, a day of one's choice, and the day. */
const DAY = /^((?:\w+_by_)?day)(\d+(?:\.\d+)?)$/;
const ON_A_DAY = "day";
/** The days that are offered first. */
const FIRST_DAY = 30;
const FIRST_DAY_OF_EVENT = 180;
const offered = (chosen) => `${chosen}${chosen === ON_A_DAY ? FIRST_DAY : FIRST_DAY_OF_EVENT}`;

/** "grade ≥ 2 lymphopenia", "days below 0.8" */
export const happens = (endpoint) => (endpoint.on_a_day ? t("judge.grade2") : said(endpoint.happens));

/** What is judged, as a title. */
export const meaningOf = (endpoint) => {
  const asked = DAY.exec(endpoint.name);
  if (!asked) return label(endpoint.meaning);
  const chosen = Number(asked[2]);
  if (asked[1] === ON_A_DAY) return t("judge.on_a_day", { when: fromTo([chosen, chosen]) });
  return t("judge.event_by", { event: said(endpoint.happens), when: onThe(chosen) });
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
      if (value !== null) set(`${choice.value}${value}`, "endpoint");
    },
  });
  const choice = h(
    "select",
    { id: "endpoint", onchange: () => set(DAY.test(offered(choice.value)) ? offered(choice.value) : choice.value) },
    ...form.endpoints.map(({ name, meaning }) => h("option", { value: name }, label(meaning))),
    h("option", { value: ON_A_DAY }, t("judge.own_day")),
    ...form.events.map(({ name, label: event }) => h("option", { value: `${name}_by_day` }, t("judge.own_event", { event: label(event) }))),
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
    choice.value = named ? endpoint : typeof endpoint === "object" ? "own" : asked[1];
    dayOf.hidden = named || !asked;
    if (asked) writeDay(day, Number(asked[2]));
  };
};
