// The service: warm-up, questions, and that an answer to an old question is never shown.

import { LANGUAGE, learn, said, t } from "./words.js";

const ROOT = "/api/v1";
const TOKEN = document.querySelector('meta[name="lymphokin-token"]').content;

/** What the service says is wrong: `problems` is a list of { field, text }. */
export class Refused extends Error {
  constructor(problems) {
    super(problems.map(({ field, text }) => (field ? `${field}: ${text}` : text)).join("; "));
    this.problems = problems;
  }
}

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

const call = async (path, options = {}) => {
  let response;
  try {
    const headers = { ...options.headers, "X-Lymphokin-Language": LANGUAGE };
    response = await fetch(`${ROOT}/${path}`, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused([{ field: "", text: t("api.silent") }]);
  }
  const { words = {}, ...body } = await response.json().catch(() => ({}));
  learn(words);
  if (response.ok) return body;
  const errors = body.errors ?? [{ field: "", text: t("api.status", { status: response.status }) }];
  throw new Refused(errors.map(({ field, text, message }) => ({ field, text: message ? said(message) : text })));
};

/** Wait until the models are compiled; `tell(health)` at every look. */
export const warm = async (tell) => {
  for (;;) {
    const health = await call("health");
    tell(health);
    if (health.status === "ready") return;
    if (health.status === "failed") throw new Refused([{ field: "", text: health.detail }]);
    await wait(400);
  }
};

export const form = () => call("form");

/** Ask a question once. */
export const ask = (path, body, signal) =>
  call(path, {
    method: "POST",
    signal,
    headers: { "Content-Type": "application/json", "X-Lymphokin-Token": TOKEN },
    body: JSON.stringify(body),
  });

/**
 * A question that is asked again and again: only the answer to the latest is ever handed on.
 *
 * What is returned takes a question and the ms to wait for more changes, stops what is still under
 * way, and calls `answered(answer, question)` or `failed(error, question)`; its `forget()` wants no
 * answer more.
 */
export const latest = (path, { answered, failed }) => {
  let turn = 0;
  let underway = null;
  const put = async (question, pause = 0) => {
    const mine = ++turn;
    underway?.abort();
    await wait(pause);
    if (mine !== turn) return;
    underway = new AbortController();
    try {
      const answer = await ask(path, question, underway.signal);
      if (mine === turn) answered(answer, question);
    } catch (error) {
      if (mine === turn && error.name !== "AbortError") failed(error, question);
    }
  };
  put.forget = () => {
    turn += 1;
    underway?.abort();
  };
  return put;
};
