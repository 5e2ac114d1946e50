// What stands behind the number: warnings, what drives it, the counts used, where it comes from.

import { calibration } from "./calibration.js";
import { byId, h, s } from "./dom.js";
import { disputed } from "./drugs.js";
import { happens } from "./judge.js";
import { of100 } from "./numbers.js";
import { joined, label, learn, number, said, t } from "./words.js";

const facts = (pairs) =>
  h(
    "dl",
    { class: "facts" },
    ...pairs
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "number" ? number(value) : value)]),
  );

const drivers = (letter, list, judged) =>
  h(
    "table",
    {},
    h("caption", {}, t("why.caption", { what: judged, letter })),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("why.unknown")), h("th", { scope: "col", class: "n" }, t("why.share")), h("th", { scope: "col" }, t("why.larger")))),
    h(
      "tbody",
      {},
      ...list.map((driver) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, label(driver.meaning)),
          h("td", { class: "n" }, number(driver.share), " ", shareBar(driver.share)),
          h("td", {}, t(driver.raises_risk ? "why.raises" : "why.lowers")),
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
      [t("facts.rests"), label(p.title)],
      [t("facts.model"), `${p.model} (${p.model_sha256.slice(0, 12)})`],
      [t("facts.patients"), p.patients],
      [t("facts.draws"), p.draws],
      [t("facts.fitted"), p.created],
      [t("facts.version"), p.version],
      [t("facts.commit"), p.commit],
      [t("facts.data"), p.data_sha256],
      [t("facts.posterior"), p.posterior_sha256],
      [t("facts.rhat"), p.rhat_max],
      [t("facts.ess"), p.ess_bulk_min],
      [t("facts.divergences"), p.divergences],
      [t("facts.verdict"), p.verdict],
      disputed() ? [t("facts.that", { assumes: label(disputed().assumes) }), t(p.gamma_known_from_people ? "facts.seen" : "facts.assumed")] : ["", null],
    ]),
    ...calibration(p.calibration),
    h("p", {}, h("strong", {}, label(p.research_use))),
  );

/** The place that a warning belongs to: the input it names, or the list of all. */
const place = (field) =>
  [...document.querySelectorAll(`[data-at="${CSS.escape(field)}"] .notes`)].find((notes) => notes.closest("[data-at]").dataset.at === field);

/** Show problems or warnings at their inputs; returns those whose input is not on the page. */
export const showNotes = (notes, kind) => {
  for (const holder of document.querySelectorAll(".notes")) holder.replaceChildren();
  for (const input of document.querySelectorAll('[aria-invalid="true"]')) input.removeAttribute("aria-invalid");
  return notes.filter(({ field, text, message }) => {
    let at = field;
    while (at && !place(at)) at = at.includes(".") ? at.slice(0, at.lastIndexOf(".")) : "";
    if (!at) return true;
    const holder = place(at);
    holder.append(h("p", { class: kind }, message ? said(message) : text));
    if (kind === "error") for (const input of holder.parentElement.querySelectorAll("input, select")) input.setAttribute("aria-invalid", "true");
    return false;
  });
};

/** Warnings with the schedule they concern; the same one for both is said once. */
const cautions = (warnings) => {
  const plans = new Map();
  for (const { field, text, message } of warnings) {
    const plan = /^[ab]\b/.test(field) && !("plan" in message.values) ? field[0].toUpperCase() : "";
    plans.set(text, [...(plans.get(text) ?? []), plan]);
  }
  return [...plans].map(([text, of]) => {
    const { severity, message } = warnings.find((w) => w.text === text);
    const what = said(message);
    return { severity, text: of.some(Boolean) ? t("warning.of", { plans: joined(of.filter(Boolean)), what }) : what };
  });
};

/** Show what stands behind an answer. */
export const showBehind = (answer) => {
  showNotes(answer.warnings, "warn");
  const { conditioning: c } = answer;
  byId("warnings").replaceChildren(...cautions(answer.warnings).map((w) => h("li", { class: w.severity }, w.text)));
  byId("why").replaceChildren(
    h("div", { class: "columns" }, ...["a", "b"].map((key) => drivers(key.toUpperCase(), answer[key].drivers, answer.endpoint.on_a_day ? t("why.count") : happens(answer.endpoint)))),
    h("h3", {}, t("counts.title")),
    h("p", { class: c.reliable ? "" : "warn" }, said(c.note)),
    facts([
      [t("why.counts"), c.counts_used],
      [t("why.baseline"), c.baseline_counts],
      [t("why.draws"), c.effective_draws],
    ]),
    ...(answer.endpoint.on_a_day ? measuredAndTrue(answer) : [h("p", {}, t("why.own_level"))]),
  );
};

const own = ({ fitted }) => of100(fitted.planned.grade2.true);
const measuredAndTrue = (answer) => [
  h("h3", {}, t("why.scatter_title")),
  h("p", {}, t("why.scatter", { a: own(answer.a), b: own(answer.b) })),
];

/** Show nothing behind an answer that is not there. */
export const showNothingBehind = () => {
  byId("warnings").replaceChildren();
  byId("why").replaceChildren();
};

/** What the abbreviations of the page stand for, the model's own first. */
export const showAbbreviations = (form) => {
  const known = form.abbreviations.map(({ short, in_full: full }) => t("page.stands_for", { short: label(short), full: label(full) }));
  byId("abbreviations").textContent = [...known, t("page.abbreviations")].join(" ");
};

/** Show where the numbers come from; known before any answer. */
export const showProvenance = (p) => {
  if (p.title_message) learn({ labels: { [p.title]: said(p.title_message) } });
  byId("provenance").replaceChildren(provenance(p));
  byId("synthetic").hidden = !p.synthetic;
  byId("limits").querySelector("ul").replaceChildren(h("li", {}, t("page.lymphocytes_alone")), ...p.limits.map((text) => h("li", {}, label(text))));
  const sha = (p.posterior_sha256 ?? p.model_sha256).slice(0, 12);
  byId("source").textContent = t(p.posterior_sha256 ? "facts.source" : "facts.source_prior", { title: label(p.title), model: p.model, version: p.version, sha });
};
