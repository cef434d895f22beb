// Keeps the page live, and says so when it is not: silence is never shown as health.

import { LABELS, lasting } from "./labels.js";
import { View } from "./view.js";

const GRACE_MS = 3000; // a reconnect shorter than this is not worth a word
const REOPEN_MS = 4000;

const view = new View();
const $ = (id) => document.getElementById(id);
const opened = performance.now();
let source = null;
let brokenSince = null;
let told = new Set();

function language() {
  try {
    const kept = localStorage.getItem("language");
    if (kept in LABELS) return kept;
  } catch {
    // Storage may be forbidden; the plan's language is good, too.
  }
  return document.documentElement.lang.startsWith("zh") ? "zh" : "en";
}

function speak(language_) {
  view.language = language_;
  $("language").textContent = view.labels.other;
  $("language").title = view.labels.otherTitle;
  $("language").lang = language_ === "zh" ? "en" : "zh-CN";
  view.draw();
  watch();
}

$("language").addEventListener("click", () => {
  const next = view.language === "zh" ? "en" : "zh";
  try {
    localStorage.setItem("language", next);
  } catch {
    // Remembered for this visit only.
  }
  speak(next);
});

// ------------------------------------------------------------ live

function connect() {
  if (source) source.close();
  source = new EventSource("/events");
  source.addEventListener("status", (event) => {
    brokenSince = null;
    view.take(JSON.parse(event.data));
    view.draw();
    announce();
    watch();
  });
  source.addEventListener("error", () => {
    brokenSince ??= performance.now();
    // The browser tries again by itself, except after a refusal.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, REOPEN_MS);
  });
}

/** Reads out an alert once, and again when the help has come further. */
function announce() {
  const now = new Set();
  const news = [];
  for (const open of view.status.open) {
    const key = `${open.alert.id} ${open.alert.state} ${open.alert.severity}`;
    now.add(key);
    if (told.has(key)) continue;
    news.push(`${view.words(open.title)} ${view.words(open.where)}. ${view.words(open.help)}`);
  }
  told = now;
  if (news.length) $("spoken").textContent = news.join(" ");
}

// ------------------------------------------------------------ is the hub still there?

function answering() {
  const now = performance.now();
  if (brokenSince !== null && now - brokenSince > GRACE_MS) return false;
  const heard = view.status ? view.received : opened;
  const limit = view.status ? Math.max(15, view.status.interval_s) * 1000 : 10000;
  return now - heard < limit;
}

function live() {
  const { at } = view.status;
  return at.trusted ? `${view.labels.live} ${view.clock(at)}` : view.labels.live;
}

function watch() {
  const well = answering();
  const labels = view.labels;
  const stale = !well && Boolean(view.status);
  document.body.classList.toggle("stale", stale);
  if (view.stale !== stale) {
    view.stale = stale;
    view.draw();
  }
  $("live").textContent = !well ? "" : view.status ? live() : labels.connecting;
  const gone = $("gone");
  if (well) {
    gone.hidden = true;
    $("gone-words").textContent = "";
    return;
  }
  let text = labels.never;
  if (view.status) {
    text = labels.gone(view.clock(view.status.at));
    $("gone-age").textContent = labels.ago(lasting(view.now - view.status.at.line, view.language));
  }
  gone.hidden = false;
  // The age counts on in silence; only a new sentence is read out.
  if ($("gone-words").textContent !== text) $("gone-words").textContent = text;
}

speak(language());
connect();
setInterval(() => {
  view.tick();
  watch();
}, 1000);
document.addEventListener("visibilitychange", () => {
  // A phone that slept has a dead connection and does not know it.
  if (!document.hidden && !answering()) connect();
});
