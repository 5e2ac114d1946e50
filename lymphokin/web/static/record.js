// Undo and redo, the link, the file and the print.

import { ask } from "./api.js";
import { announce, byId } from "./dom.js";
import { canRedo, canUndo, change, complete, fromFragment, redo, toFragment, undo } from "./state.js";

const say = (text, kind = "soft") => {
  byId("said").className = kind;
  byId("said").textContent = text;
};

/** Load what was kept elsewhere: only the service decides whether it is a question. */
const load = async (kept, where, form) => {
  try {
    await ask("whatif", kept);
  } catch (error) {
    return say(`${where} cannot be loaded: ${error.message}`, "error");
  }
  change((next) => Object.assign(next, complete(kept, form)));
  say(`Loaded from ${where.toLowerCase()}.`);
};

const save = (last) => {
  const text = JSON.stringify({ request: last.asked, answer: last.answer }, null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "what-if.json";
  link.click();
  URL.revokeObjectURL(link.href);
  say("Saved as what-if.json: what you entered and the answer.");
};

const open = async (file, form) => {
  let kept;
  try {
    kept = JSON.parse(await file.text());
  } catch {
    return say(`${file.name} is not JSON.`, "error");
  }
  await load(kept?.request ?? kept, "The file", form);
};

const copyLink = async (question) => {
  const address = new URL(toFragment(question), location.href);
  history.replaceState(question, "", address);
  try {
    await navigator.clipboard.writeText(address.href);
    say("Link copied. It holds what you entered, and works where lymphokin runs on the same port.");
  } catch {
    say("The link stands in the address bar: copy it from there.");
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
  if (key === "z" && !event.shiftKey) step(undo, "Undone.");
  else if (key === "y" || key === "z") step(redo, "Redone.");
  else return;
  event.preventDefault();
};

const step = (go, text) => {
  go();
  announce(text);
};

/** Connect the buttons. */
export const tools = ({ question, last, form }) => {
  byId("undo").addEventListener("click", () => step(undo, "Undone."));
  byId("redo").addEventListener("click", () => step(redo, "Redone."));
  byId("link").addEventListener("click", () => copyLink(question()));
  byId("save").addEventListener("click", () => (last() ? save(last()) : say("There is no answer to save yet.")));
  byId("print").addEventListener("click", () => window.print());
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
  if (kept) await load(kept, "The link", form);
  else if (location.hash.startsWith("#s=")) say("The link is damaged: nothing was loaded.", "error");
  else if (history.state) await load(history.state, "The last visit", form);
};
