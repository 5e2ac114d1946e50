// Undo and redo, the link, the file and the print.

import { ask } from "./api.js";
import { announce, byId } from "./dom.js";
import { canRedo, canUndo, change, complete, fromFragment, redo, toFragment, undo } from "./state.js";
import { now, t } from "./words.js";

const say = (text, kind = "soft") => {
  byId("said").className = kind;
  byId("said").textContent = text;
};

/** Load what was kept elsewhere: only the service decides whether it is a question. */
const load = async (kept, where, form) => {
  const { day_0, ...asked } = kept ?? {};
  try {
    await ask("whatif", { ...asked, draws: form.preview_draws }); // no second line in the log
  } catch (error) {
    return say(t(`record.${where}_refused`, { why: error.message }), "error");
  }
  change((next) => Object.assign(next, complete(kept, form)));
  say(t(`record.${where}_loaded`));
};

const save = (last, dayZero) => {
  const text = JSON.stringify({ request: last.asked, answer: last.answer, day_0: dayZero }, null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "what-if.json";
  link.click();
  URL.revokeObjectURL(link.href);
  say(t("record.saved"));
};

const open = async (file, form) => {
  let kept;
  try {
    kept = JSON.parse(await file.text());
  } catch {
    return say(t("record.not_json", { file: file.name }), "error");
  }
  await load(kept?.request ? { ...kept.request, day_0: kept.day_0 ?? null } : kept, "file", form);
};

const copyLink = async (question) => {
  const address = new URL(toFragment(question), location.href);
  history.replaceState(question, "", address);
  try {
    await navigator.clipboard.writeText(address.href);
    say(t("record.copied"));
  } catch {
    say(t("record.in_bar"));
  }
};

/** Show whether there is something to undo. */
export const showRecord = () => {
  byId("undo").disabled = !canUndo();
  byId("redo").disabled = !canRedo();
};

const onKey = (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.target.matches("input[type=text]")) return;
  const key = event.key.toLowerCase();
  if (key === "z" && !event.shiftKey) step(undo, t("record.undone"));
  else if (key === "y" || key === "z") step(redo, t("record.redone"));
  else return;
  event.preventDefault();
};

const step = (go, text) => {
  go();
  announce(text);
};

/** Load the page in another language, which it remembers, with what is entered. */
const speak = (language, question) => {
  document.cookie = `lymphokin_language=${language}; path=/; max-age=${365 * 86_400}; samesite=strict`;
  history.replaceState(question, "", location.pathname);
  location.reload();
};

/** Connect the buttons. */
export const tools = ({ entered, last, form }) => {
  byId("language").addEventListener("change", (event) => speak(event.target.value, entered()));
  byId("undo").addEventListener("click", () => step(undo, t("record.undone")));
  byId("redo").addEventListener("click", () => step(redo, t("record.redone")));
  byId("link").addEventListener("click", () => copyLink(entered()));
  byId("save").addEventListener("click", () => (last() ? save(last(), entered().day_0) : say(t("record.no_answer"))));
  byId("print").addEventListener("click", () => window.print());
  const stamp = () => (byId("printed").textContent = t("record.printed", { when: now() }));
  window.addEventListener("beforeprint", stamp);
  stamp();
  byId("open").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", (event) => {
    if (event.target.files.length) open(event.target.files[0], form);
    event.target.value = "";
  });
  document.addEventListener("keydown", onKey);
};

/** Restore what the link, or else this page before it was loaded anew, holds. */
export const restore = async (form) => {
  const kept = fromFragment(location.hash);
  if (kept) await load(kept, "link", form);
  else if (location.hash.startsWith("#s=")) say(t("record.damaged"), "error");
  else if (history.state) await load(history.state, "visit", form);
};
