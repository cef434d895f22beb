// Draws one Status. Nothing here talks to the network; every time is an age on the hub's timeline.

import { LABELS, lasting } from "./labels.js";

const SVG = "http://www.w3.org/2000/svg";

// State is told by shape and by words; colour only repeats it.
const SIGNS = {
  well: "M5 12.5 10 17.5 19.5 7",
  impaired: "M12 7v6.2M12 16.8v.2 M12 2.6a9.4 9.4 0 1 0 0 18.8 9.4 9.4 0 0 0 0-18.8z",
  concern: "M12 9.5v4.6M12 17.2v.2 M12 3.6 22 20.4H2z",
  emergency: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.8 2H4.2zM10 21h4 M2.6 7.5 5 4.6 M21.4 7.5 19 4.6",
  ok: "M5 12.5 10 17.5 19.5 7",
  late: "M12 6.5V12l3.6 2.4 M12 2.6a9.4 9.4 0 1 0 0 18.8 9.4 9.4 0 0 0 0-18.8z",
  lost: "M6 6 18 18M18 6 6 18",
  unknown: "M9 9a3.1 3.1 0 1 1 4.4 2.8c-.9.4-1.4 1-1.4 2.2M12 17.4v.2",
};
const STEPS = ["raised", "delivered", "acknowledged", "dispatched", "on_site"];
const LEVEL = { S1: "emergency", S2: "concern", S3: "concern", S4: "impaired", S0: "impaired" };
const OLD_VALUE_S = 600;
const JUST_NOW_S = 10;

/** An element. `props` are properties, except data-*, aria-* and role, which are attributes. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}

export function sign(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SIGNS[name]);
  svg.append(path);
  return svg;
}

export class View {
  constructor() {
    this.language = "zh";
    this.status = null;
    this.stale = false;
    this.received = 0;
    this.drawn = new Map();
    this.open = new Set();
  }

  get labels() {
    return LABELS[this.language];
  }

  /** The moment on the hub's timeline, as far as this page can tell. */
  get now() {
    return this.status.at.line + (performance.now() - this.received) / 1000;
  }

  take(status) {
    this.status = status;
    this.received = performance.now();
  }

  words(words) {
    return words[this.language];
  }

  /** Time of day in the home; an age where the hub's clock was not sure. */
  clock(at) {
    const age = () => this.labels.ago(lasting(this.now - at.line, this.language));
    if (!at.trusted || !this.status.at.trusted) return age();
    const zone = { timeZone: this.status.timezone, hourCycle: "h23" };
    const locale = this.language === "zh" ? "zh-CN" : "en-GB";
    const say = (options, wall) =>
      new Intl.DateTimeFormat(locale, { ...zone, ...options }).format(wall * 1000);
    const day = { day: "numeric", month: "short" };
    const time = say({ hour: "2-digit", minute: "2-digit" }, at.wall);
    const same = say(day, at.wall) === say(day, this.status.at.wall);
    return same ? time : `${say(day, at.wall)} ${time}`;
  }

  /** Text that goes on counting: `tick` fills it in. */
  age(at, form = "ago") {
    return h("span", { className: "age", "data-line": at.line, "data-form": form });
  }

  tick() {
    if (!this.status) return;
    for (const element of document.querySelectorAll("[data-line]")) {
      const text = this.#aged(Number(element.dataset.line), element.dataset.form);
      if (element.textContent !== text) element.textContent = text;
    }
  }

  #aged(line, form) {
    const labels = this.labels;
    const silent = this.now - line;
    if (form === "left") {
      const left = Math.ceil(-silent / 60) * 60;
      return silent > 0 ? labels.due : labels.left(lasting(Math.max(60, left), this.language));
    }
    const age = lasting(silent, this.language);
    if (form === "plain") return age;
    const ago = silent < JUST_NOW_S ? labels.justNow : labels.ago(age);
    return form === "ago" ? ago : labels[form](ago);
  }

  /** Redraws a part only if what it shows is another: open details and the focus stay. */
  #part(id, shown, draw) {
    const element = document.getElementById(id);
    const key = JSON.stringify([this.language, shown]);
    if (this.drawn.get(id) === key) return;
    this.drawn.set(id, key);
    element.replaceChildren(...draw());
  }

  draw() {
    const status = this.status;
    const labels = this.labels;
    document.documentElement.lang = this.language === "zh" ? "zh-CN" : "en";
    for (const element of document.querySelectorAll("[data-label]")) {
      element.textContent = labels[element.dataset.label];
    }
    document.getElementById("bottom").textContent = labels.footer;
    if (!status) return;
    this.#whole(status);
    document.getElementById("alerts").hidden = !status.open.length;
    this.#part("alerts-list", status.open, () => status.open.map((alert) => this.#alert(alert)));
    document.getElementById("problems").hidden = !status.problems.length;
    this.#part("problems-list", status.problems, () =>
      status.problems.map((words) => h("li", {}, sign("impaired"), h("span", {}, this.words(words)))),
    );
    for (const id of ["rooms", "side"]) document.getElementById(id).hidden = false;
    this.#part("rooms-list", [status.rooms, status.devices], () => this.#rooms(status));
    this.#part("hub-list", this.#hubShows(status), () => this.#hub(status));
    this.#part("sent-list", [status.open, status.recent], () => this.#sent(status));
    this.tick();
  }

  // ------------------------------------------------------------ is all well?

  #whole(status) {
    if (this.stale) {
      const then = this.labels.last(this.clock(status.at), this.words(status.summary.words));
      this.#head("unknown", this.labels.unknown, then);
      return;
    }
    const { level, words } = status.summary;
    const ok = status.devices.filter((device) => device.state === "ok").length;
    const heard = this.labels.heard(ok, status.devices.length);
    this.#head(level, this.words(words), `${this.words(status.presence.words)} · ${heard}`);
  }

  #head(level, words, more) {
    document.getElementById("whole").dataset.level = level;
    document.title = `${words} · Lamplight`;
    this.#part("whole-sign", level, () => [sign(level)]);
    this.#part("whole-words", words, () => [words]);
    this.#part("whole-more", more, () => [more]);
  }

  // ------------------------------------------------------------ alerts

  #alert(view) {
    const { alert, eta } = view;
    const labels = this.labels;
    const level = LEVEL[alert.severity];
    return h(
      "article",
      { className: "card alert", "data-level": level, "data-alert": alert.id },
      h(
        "header",
        {},
        h("span", { className: "sign" }, sign(level)),
        h("h3", {}, this.words(view.title), h("span", { className: "where" }, this.words(view.where))),
      ),
      h("p", { className: "sentence" }, this.words(view.sentence)),
      h(
        "div",
        { className: "help" },
        this.#steps(alert.state),
        h("p", {}, this.words(view.help)),
        eta && alert.state === "dispatched" && h("p", { className: "eta" }, this.age(eta, "left")),
      ),
      h(
        "p",
        { className: "quiet" },
        `${labels.since} ${this.clock(alert.raised_at)} · `,
        this.age(alert.raised_at),
        alert.presses > 1 && ` · ${labels.presses(alert.presses)}`,
      ),
    );
  }

  #steps(state) {
    const reached = STEPS.indexOf(state);
    const bars = STEPS.map((_, step) => h("i", { className: step <= reached ? "done" : "" }));
    return h("div", { className: "steps", "aria-hidden": "true" }, bars);
  }

  // ------------------------------------------------------------ rooms

  #rooms(status) {
    const known = new Set(status.rooms.map((room) => room.id));
    const rooms = status.rooms.map((room) => [
      room,
      status.devices.filter((device) => device.room === room.id),
    ]);
    const others = status.devices.filter((device) => !known.has(device.room));
    if (others.length) rooms.push([null, others]);
    return rooms.map(([room, devices]) => this.#room(room, devices));
  }

  #room(room, devices) {
    const sign_ = room && room.last_sign_of_life;
    return h(
      "article",
      { className: "card room" },
      h(
        "header",
        {},
        h("h3", {}, room ? this.words(room.name) : "—"),
        h("p", { className: "quiet" }, sign_ ? this.age(sign_, "sign") : room && this.labels.noSign),
      ),
      h("ul", {}, devices.map((device) => this.#device(device))),
    );
  }

  #device(device) {
    const labels = this.labels;
    const state = device.state;
    return h(
      "li",
      { "data-state": state, "data-device": device.id },
      h("span", { className: "sign", role: "img", "aria-label": labels.states[state] }, sign(state)),
      h("span", { className: "name" }, this.words(device.name)),
      h("span", { className: "quiet heard" }, device.last_seen && this.age(device.last_seen)),
      device.values.length > 0 &&
        h("span", { className: "values" }, device.values.map((latest) => this.#value(latest, device))),
      h(
        "span",
        { className: "quiet more" },
        state !== "ok" && h("span", {}, h("b", {}, labels.states[state]), ` · ${this.words(device.why)}`),
        device.low_assurance && h("span", { className: "weak" }, labels.weak),
        this.#battery(device),
      ),
    );
  }

  #value(latest, device) {
    const pressed = latest.quantity === "button";
    const behind = device.last_seen.line - latest.at.line > OLD_VALUE_S;
    const old = pressed || behind || device.state !== "ok";
    return h(
      "span",
      { className: old ? "value old" : "value" },
      this.words(latest.words),
      old && [" · ", this.age(latest.at)],
    );
  }

  #battery(device) {
    const labels = this.labels;
    if (device.low) return h("b", { className: "low" }, labels.low);
    const level = device.battery === null ? "" : labels.battery(Math.round(device.battery));
    return level && h("span", {}, level);
  }

  // ------------------------------------------------------------ the hub

  #hubShows(status) {
    const { routes, outbox, radios, clock, storage, last_rule_pass, rejected, restarts } = status;
    return [routes, outbox, radios, clock, storage, last_rule_pass, rejected, restarts];
  }

  #hub(status) {
    const labels = this.labels;
    const sum = (counts) => Object.values(counts).reduce((all, count) => all + count, 0);
    const rejected = status.radios.reduce((all, radio) => all + sum(radio.rejected), sum(status.rejected));
    const pass = status.last_rule_pass;
    return [
      ...this.#routes(status.routes),
      this.#fact(labels.outbox, true, this.#outbox(status.outbox)),
      ...status.radios.map((radio) =>
        this.#fact(
          `${labels.radios} ${radio.name}`,
          radio.alive,
          radio.alive ? labels.alive : [labels.blind, h("small", {}, radio.why)],
        ),
      ),
      this.#fact(labels.clock, status.clock.trusted, [
        status.clock.trusted ? labels.trusted : labels.unsure,
        h("small", {}, status.clock.why),
      ]),
      this.#fact(labels.storage, status.storage.ok, [
        status.storage.ok ? labels.good : labels.broken,
        h("small", {}, status.storage.why),
      ]),
      this.#fact(labels.rules, Boolean(pass), pass ? this.age(pass) : "—"),
      this.#fact(labels.running, true, [
        this.age(status.started_at, "plain"),
        h("small", {}, `${status.tenant}/${status.hub} · ${status.version}`),
      ]),
      rejected > 0 && this.#fact(labels.rejected, true, String(rejected)),
      sum(status.restarts) > 0 && this.#fact(labels.restarts, true, this.#counts(status.restarts)),
    ].filter(Boolean);
  }

  #fact(name, well, value) {
    return h(
      "div",
      { "data-state": well ? "ok" : "lost" },
      h("dt", {}, name),
      h("dd", {}, !well && h("span", { className: "sign" }, sign("lost")), value),
    );
  }

  #routes(routes) {
    const labels = this.labels;
    if (!routes.length) return [this.#fact(labels.platform, false, labels.noPlatform)];
    return routes.map((route) =>
      this.#fact(`${labels.platform} ${route.name}`, route.up, [
        route.up ? labels.up : labels.down,
        h(
          "small",
          {},
          route.since && labels.upSince(this.clock(route.since)),
          route.up && route.version && ` · MQTT ${route.version}`,
          !route.up && route.why && ` · ${route.why}`,
        ),
      ]),
    );
  }

  #outbox(outbox) {
    const labels = this.labels;
    const depths = Object.entries(outbox.depth).filter(([, count]) => count);
    if (!depths.length) return labels.nothing;
    const total = depths.reduce((all, [, count]) => all + count, 0);
    const each = depths.map(([priority, count]) => `${labels.priorities[priority]} ${count}`);
    return [
      labels.messages(total),
      h("small", {}, each.join(" · "), outbox.oldest && [" · ", this.age(outbox.oldest, "oldest")]),
    ];
  }

  #counts(counts) {
    return Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(" · ");
  }

  // ------------------------------------------------------------ what was sent

  #sent(status) {
    const all = [...status.open, ...status.recent].filter((view) => view.revisions.length);
    if (!all.length) return [h("p", { className: "quiet" }, this.labels.noneSent)];
    all.sort((a, b) => b.alert.changed_at.line - a.alert.changed_at.line);
    return all.map((view) => this.#sentAlert(view));
  }

  #sentAlert(view) {
    const { alert } = view;
    const details = h(
      "details",
      { open: this.open.has(alert.id), "data-level": LEVEL[alert.severity] },
      h(
        "summary",
        {},
        h("span", { className: "title" }, this.words(view.title)),
        h("span", { className: "where" }, this.words(view.where)),
        h("time", {}, this.clock(alert.raised_at)),
        h("span", { className: "quiet" }, this.words(view.help)),
      ),
      h("p", { className: "sentence" }, this.words(view.sentence)),
      h("ol", {}, view.revisions.map((revision) => this.#revision(revision))),
    );
    details.addEventListener("toggle", () => {
      if (details.open) this.open.add(alert.id);
      else this.open.delete(alert.id);
    });
    return details;
  }

  #revision(revision) {
    const labels = this.labels;
    const routes = revision.routes ?? [];
    const way = routes.length ? labels.via(routes.join(", ")) : labels.notSent;
    const receipt = revision.received_at ? labels.received : labels.notReceived;
    return h(
      "li",
      {},
      h("time", {}, this.clock(revision.at)),
      h("span", {}, this.words(revision.words)),
      h("small", {}, routes.length ? `${way} · ${receipt}` : way),
    );
  }
}
