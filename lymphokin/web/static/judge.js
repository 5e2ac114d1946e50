// What is judged: chosen by name or as the count on a day, and in words.

import { h } from "./dom.js";
import { signed, typed } from "./numbers.js";

const DAY = /^day(\d+(?:\.\d+)?)$/;
const ON_A_DAY = "day";
/** The day that is offered first. */
const FIRST_DAY = 30;

/** "grade ≥ 2", "days below 0.8" */
export const happens = (endpoint) => endpoint.happens.replace(">=", "≥").replace("grade ≥ 2", "grade ≥ 2 lymphopenia");

/** "of 100 patients with grade ≥ 2 lymphopenia", "days below 0.8" */
export const counted = (endpoint) => (isChance(endpoint) ? `of 100 patients with ${happens(endpoint)}` : happens(endpoint));

/** Whether its number is one of 100 patients. */
export const isChance = (endpoint) => endpoint.unit === "of 100";

/** "on day 46", "from day 4 to day 34" */
export const when = ([first, last]) => (first === last ? `on day ${signed(first)}` : `from day ${signed(first)} to day ${signed(last)}`);

/** What A and B differ in when they are judged on other days; empty where they are not. */
export const apart = (a, b) => (`${a}` === `${b}` ? "" : `A is judged ${when(a)}, B ${when(b)}.`);

/** The choice of what is judged; returns what draws it. */
export const judge = (root, form, { state, change }) => {
  const set = (endpoint, label = null) => change((next) => (next.endpoint = endpoint), label);
  const day = h("input", {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    maxlength: 5,
    "aria-label": "Day of the count that is judged",
    oninput: () => {
      const value = typed(day.value);
      if (value !== null) set(`day${value}`, "endpoint");
    },
  });
  const choice = h(
    "select",
    { id: "endpoint", onchange: () => set(choice.value === ON_A_DAY ? `day${FIRST_DAY}` : choice.value) },
    ...form.endpoints.map(({ name, meaning }) => h("option", { value: name }, meaning)),
    h("option", { value: ON_A_DAY }, "Count reported below 0.8 on a day of your choice"),
  );
  const own = h("option", { value: "own" });
  const dayOf = h("label", { hidden: true }, "day", day);
  root.append(h("label", {}, "Judged", choice), dayOf, h("div", { class: "notes" }));
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
    if (asked && day !== document.activeElement) day.value = asked[1];
  };
};
