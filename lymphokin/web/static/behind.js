// What stands behind the number: warnings, what drives it, the counts used, where it comes from.

import { calibration } from "./calibration.js";
import { byId, h, s } from "./dom.js";
import { disputed } from "./drugs.js";
import { happens } from "./judge.js";
import { of100 } from "./numbers.js";

const facts = (pairs) =>
  h(
    "dl",
    { class: "facts" },
    ...pairs
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, `${value}`)]),
  );

const drivers = (letter, list, judged) =>
  h(
    "table",
    {},
    h("caption", {}, `Share of what is unknown about ${judged}, schedule ${letter}`),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Unknown"), h("th", { scope: "col", class: "n" }, "share"), h("th", { scope: "col" }, "a larger value"))),
    h(
      "tbody",
      {},
      ...list.map((driver) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, driver.meaning),
          h("td", { class: "n" }, `${driver.share}`, " ", shareBar(driver.share)),
          h("td", {}, driver.raises_risk ? "raises the risk" : "lowers the risk"),
        ),
      ),
    ),
  );

const shareBar = (share) =>
  s(
    "svg",
    { class: "share", viewBox: "0 0 60 10", "aria-hidden": "true" },
    s("rect", { class: "frame", x: 0.5, y: 0.5, width: 59, height: 9 }),
    s("rect", { class: "bar", x: 0.5, y: 0.5, width: 59 * share, height: 9 }),
  );

const provenance = (p) =>
  h(
    "div",
    {},
    facts([
      ["Numbers rest on", p.title],
      ["Model", `${p.model} (${p.model_sha256.slice(0, 12)})`],
      ["Patients behind it", p.patients],
      ["Draws", p.draws],
      ["Fitted", p.created],
      ["Version", p.version],
      ["Commit", p.commit],
      ["Data (SHA-256)", p.data_sha256],
      ["Posterior (SHA-256)", p.posterior_sha256],
      ["Largest R-hat", p.rhat_max],
      ["Smallest bulk ESS", p.ess_bulk_min],
      ["Divergences", p.divergences],
      ["Verdict on sampling", p.verdict],
      [disputed() && `That ${disputed().assumes}`, disputed() && (p.gamma_known_from_people ? "seen in people" : "an assumption: no human evidence")],
    ]),
    ...calibration(p.calibration),
    h("h3", {}, "What it cannot say"),
    h("ul", {}, ...p.limits.map((text) => h("li", {}, text))),
    h("p", {}, h("strong", {}, p.research_use)),
  );

/** The place that a warning belongs to: the input it names, or the list of all. */
const place = (field) => document.querySelector(`[data-at="${CSS.escape(field)}"] .notes`);

/** Show problems or warnings at their inputs; returns those whose input is not on the page. */
export const showNotes = (notes, kind) => {
  for (const holder of document.querySelectorAll(".notes")) holder.replaceChildren();
  for (const input of document.querySelectorAll('[aria-invalid="true"]')) input.removeAttribute("aria-invalid");
  return notes.filter(({ field, text }) => {
    let at = field;
    while (at && !place(at)) at = at.includes(".") ? at.slice(0, at.lastIndexOf(".")) : "";
    if (!at) return true;
    const holder = place(at);
    holder.append(h("p", { class: kind }, text));
    if (kind === "error") for (const input of holder.parentElement.querySelectorAll("input, select")) input.setAttribute("aria-invalid", "true");
    return false;
  });
};

/** Warnings with the schedule they concern; the same one for both is said once. */
const cautions = (warnings) => {
  const plans = new Map();
  for (const { field, text } of warnings) {
    const plan = /^[ab]\b/.test(field) && !/^[AB]\b/.test(text) ? field[0].toUpperCase() : "";
    plans.set(text, [...(plans.get(text) ?? []), plan]);
  }
  return [...plans].map(([text, of]) => ({
    text: of.some((plan) => plan) ? `${of.filter(Boolean).join(" and ")}: ${text}` : text,
    severity: warnings.find((w) => w.text === text).severity,
  }));
};

/** Show what stands behind an answer. */
export const showBehind = (answer) => {
  showNotes(answer.warnings, "warn");
  const { conditioning: c } = answer;
  byId("warnings").replaceChildren(...cautions(answer.warnings).map((w) => h("li", { class: w.severity }, w.text)));
  byId("why").replaceChildren(
    h("div", { class: "columns" }, ...["a", "b"].map((key) => drivers(key.toUpperCase(), answer[key].drivers, answer.endpoint.on_a_day ? "the count at the visit" : happens(answer.endpoint)))),
    h("h3", {}, "Counts so far"),
    h("p", { class: c.reliable ? "" : "warn" }, c.note),
    facts([
      ["Counts used", c.counts_used],
      ["of which baseline", c.baseline_counts],
      ["Draws of this patient, worth", c.effective_draws],
    ]),
    ...(answer.endpoint.on_a_day ? measuredAndTrue(answer) : [h("p", {}, "This endpoint is about the patient’s own level on every day, not about what visits would show of it.")]),
  );
};

const measuredAndTrue = (answer) => [
  h("h3", {}, "Measured, and without the scatter of measuring"),
  h("p", {}, `The numbers above are of the count that the laboratory will report, which scatters around the patient’s own level. That level itself lies below 0.8 in ${["a", "b"].map((key) => `${of100(answer[key].fitted.planned.grade2.true)} of 100 under ${key.toUpperCase()}`).join(", ")}.`),
];

/** Show nothing behind an answer that is not there. */
export const showNothingBehind = () => {
  byId("warnings").replaceChildren();
  byId("why").replaceChildren();
};

/** Show where the numbers come from; known before any answer. */
export const showProvenance = (p) => {
  byId("provenance").replaceChildren(provenance(p));
  byId("synthetic").hidden = !p.synthetic;
  byId("source").textContent = `Numbers rest on: ${p.title}. Model ${p.model}, lymphokin ${p.version}.`;
};
