// The page: reads the embedded dumps, builds the parts and links them with each other.

class Page {
  isRelative = true;
  shortcuts = true;

  constructor() {
    this.info = asObject(JSON.parse(byId("page").textContent));
    const files = asList(this.info.files);
    this.processes = [...document.querySelectorAll("script.dump")].map((script, n) => readProcess(script.textContent, n, asText(files[n]) || "dump.json"));
    this.sources = new Map(
      asList(this.info.sources).flatMap((places, dump) => places.map((place) => [`${dump}:${place.file}:${place.line}`, place])),
    );
    this.log = new Log(this.processes);
    this.main = h("main", { id: "main" });
    this.evidence = h("div", { id: "evidence" });
    this.view = new LogView(this.log, this);
    this.timeline = new Timeline(this.log, this);
    this.#build();
    this.selectProcess(this.#firstFailed());
  }

  /** The origin of relative times. */
  get zero() {
    return this.process?.failedAt ?? NaN;
  }

  #firstFailed() {
    const failed = this.processes.filter((process) => isTime(process.failedAt));
    return failed.reduce((first, process) => (process.failedAt < first.failedAt ? process : first), failed[0] ?? this.processes[0]);
  }

  #build() {
    const records = h("div", { id: "records" }, this.timeline.element, this.view.element);
    this.main.append(this.evidence, records);
    byId("main").replaceWith(this.main);
    this.head = byId("title");
    this.kicker = byId("kicker");
    this.when = byId("when");
    this.timesButton = button("", () => this.setRelative(!this.isRelative), { title: "Times relative to the failure, or absolute (r)" });
    this.themeButton = button("", () => this.nextTheme(), { title: "Dark or light (d)" });
    byId("tools").append(this.timesButton, this.themeButton, button("Help", () => this.help(), { title: "Keys and hints (?)" }));
    this.#theme(stored("theme") ?? "auto");
    this.#buildSwitch();
    this.setRelative(true);
    document.addEventListener("keydown", (event) => this.#key(event));
    window.addEventListener("beforeprint", () => this.#preparePrint());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.timeline.draw());
  }

  /** Buttons that select a process, if there are several dumps. */
  #buildSwitch() {
    if (this.processes.length < 2) return;
    this.switches = this.processes.map((process) =>
      h(
        "button",
        { type: "button", class: "card", onclick: () => this.selectProcess(process) },
        h("strong", {}, process.name),
        h("span", {}, process.headline),
        h("span", { class: "muted" }, isTime(process.failedAt) ? clockTime(process.failedAt).slice(0, 12) : "time unknown"),
      ),
    );
    byId("tools").before(h("nav", { class: "processes", "aria-label": "Processes" }, this.switches));
  }

  selectProcess(process) {
    this.process = process;
    this.switches?.forEach((element, n) => element.setAttribute("aria-current", String(n === process.index)));
    this.kicker.replaceChildren(
      h("strong", {}, [process.app, process.version].filter(Boolean).join(" ")),
      h("span", {}, KINDS.get(process.kind) ?? `made a dump (${oneLine(process.kind, 40)})`),
    );
    this.head.textContent = process.headline;
    document.title = `${[process.app, process.version].filter(Boolean).join(" ")} – ${process.headline}`;
    const ran = isTime(process.startedAt) && process.startedAt > 0 ? process.failedAt - process.startedAt : NaN;
    this.when.textContent = [
      isTime(process.failedAt) ? absoluteTime(process.failedAt) : "time unknown",
      ran > 0 && `after ${duration(ran)}`,
      process.failedThread && `thread ${oneLine(process.failedThread, 60)}`,
      process.pid && process.pid !== "0" && `process ${oneLine(process.pid, 20)}`,
    ].filter(Boolean).join(" · ");
    process.evidence ??= evidence(process, this);
    this.evidence.replaceChildren(process.evidence);
    this.view.render();
    this.timeline.draw?.();
    if (process.mark.after >= 0 || this.log.length === 0) this.view.selectMark(process.mark);
    if (process.mark.after >= 0) this.view.showDetails(process.mark.after);
  }

  // Links between the parts

  showStack(stack, process) {
    if (process !== this.process) this.selectProcess(process);
    stack.item.open = true;
    stack.build();
    stack.item.scrollIntoView({ block: "start" });
    stack.item.querySelector("summary").focus({ preventScroll: true });
    flash(stack.item);
  }

  showFailure(process) {
    if (process !== this.process) this.selectProcess(process);
    goTo(byId(`error-${process.index}-title`));
  }

  showRecord(index, takesFocus = true) {
    this.view.selectRecord(index);
    if (!takesFocus) return;
    this.view.element.scrollIntoView({ block: "nearest" });
    this.view.grid.focus({ preventScroll: true });
  }

  showMark(mark) {
    this.view.selectMark(mark);
    if (mark.stack) this.showStack(mark.stack, mark.process);
    else this.showFailure(mark.process);
  }

  filterBySpan(process, span) {
    this.view.setSpan(`${process.index}/${span.id}`);
    announce(`Only records of the span ${span.name}`);
  }

  filterByThread(thread) {
    if (this.log.threads.length < 2) return this.view.grid.focus();
    this.view.setThread(thread);
    announce(`Only records of the thread ${oneLine(this.log.threads[thread].name, 60)}`);
  }

  nearestRecord(time, thread) {
    return this.view.nearest(time, thread);
  }

  onSelect(time) {
    this.timeline.select(time);
  }

  /** The source lines of a frame, if the page has them. */
  source(process, frame) {
    return this.sources.get(`${process.index}:${asText(frame.file)}:${asText(frame.line)}`);
  }

  // Settings

  timeText(time) {
    return this.isRelative ? relativeTime(time, this.zero) : clockTime(time);
  }

  setRelative(isRelative) {
    this.isRelative = isRelative;
    this.timesButton.textContent = isRelative ? "Times: relative" : "Times: UTC";
    this.view.grid.classList.toggle("absolute", !isRelative);
    this.view.render();
    this.timeline.draw?.();
  }

  nextTheme() {
    const themes = ["auto", "dark", "light"];
    const next = themes[(themes.indexOf(this.theme) + 1) % themes.length];
    this.#theme(next);
    store("theme", next);
  }

  #theme(theme) {
    this.theme = ["dark", "light"].includes(theme) ? theme : "auto";
    document.documentElement.dataset.theme = this.theme;
    this.themeButton.textContent = `Theme: ${this.theme}`;
    this.timeline.draw?.();
  }

  help() {
    const dialog = byId("help");
    if (!dialog.open) dialog.showModal();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    if (isTyping(event.target)) {
      if (event.key === "Escape") this.view.grid.focus();
      return;
    }
    const act = KEYS[event.key];
    if (!act || !this.shortcuts) return;
    event.preventDefault();
    act(this);
  }

  #preparePrint() {
    this.view.preparePrint();
    const items = this.process.stacks.slice(0, 32);
    for (const { item, build } of items) {
      build?.();
      if (item) item.open = true;
    }
    for (const part of document.querySelectorAll("details.part")) part.open = true;
  }
}

/** The predicate of a headline, by the kind of the dump. */
const KINDS = table({
  error: "failed",
  panic: "panicked",
  crash: "crashed",
  level: "logged an error",
  rule: "matched a rule",
  hang: "hung",
  signal: "made a dump on a signal",
  manual: "made a dump on request",
});

const KEYS = {
  "?": (page) => page.help(),
  "/": (page) => page.view.textInput.focus(),
  l: (page) => page.view.grid.focus(),
  s: (page) => (page.process.stacks[0] ? page.showStack(page.process.stacks[0], page.process) : announce("The dump has no stack")),
  t: () => goTo(byId("timeline-title")),
  f: (page) => {
    page.view.selectMark(page.process.mark);
    page.view.grid.focus();
  },
  e: (page) => page.view.stepMark(1),
  E: (page) => page.view.stepMark(-1),
  x: (page) => page.view.clear(),
  r: (page) => page.setRelative(!page.isRelative),
  d: (page) => page.nextTheme(),
};

/** Calls `work` when the browser is idle, until it returns false. */
function whenIdle(work) {
  const plan = window.requestIdleCallback ?? ((act) => setTimeout(act, 20));
  plan((deadline) => {
    let isMore = work();
    while (isMore && deadline?.timeRemaining() > 5) isMore = work();
    if (isMore) whenIdle(work);
  });
}

function flash(element) {
  element.classList.remove("flash");
  requestAnimationFrame(() => element.classList.add("flash"));
}

/** Reads a setting. Some browsers have no storage for pages from files. */
function stored(key) {
  try {
    return localStorage.getItem(`flightrec.${key}`);
  } catch {
    return null;
  }
}

function store(key, value) {
  try {
    localStorage.setItem(`flightrec.${key}`, value);
  } catch {
    // The setting then lasts until the page is closed.
  }
}

try {
  const page = new Page();
  const checkbox = byId("shortcuts");
  checkbox.addEventListener("change", () => (page.shortcuts = checkbox.checked));
  performance.mark("ready");
  whenIdle(() => page.log.prepareSearch());
} catch (error) {
  byId("when").textContent = `This page could not show the dump: ${error.message}`;
  throw error;
}
