// The log: a list that builds only the rows in view, its filters, and the selected record.

/** Browsers limit the height of elements. A longer list is scrolled in proportion. */
const MAX_HEIGHT = 8_000_000;
/** The number of rows that are built above and below the visible ones. */
const OVERSCAN = 10;
const MAX_OPTIONS = 500;
/** The maximum number of rows on paper. */
const MAX_PRINTED = 300;

class LogView {
  /** The records and marks that pass the filters: the index of a record, or `-1 - n` for mark n. */
  rows = new Int32Array(0);
  /** For each row, the index of its last equal record, and the number of its equal records. */
  lasts = new Int32Array(0);
  counts = new Int32Array(0);
  /** The number of the selected row, or -1. */
  selected = -1;
  filter = { ...NO_FILTER };

  constructor(log, page) {
    this.log = log;
    this.page = page;
    this.found = new Int32Array(0);
    this.#build();
    this.apply();
  }

  // Filters

  #build() {
    const { log } = this;
    const processes = log.processes;
    const select = (label, name, options, change) => {
      const element = h("select", { id: `filter-${name}`, onchange: () => change(element.value) }, options.map(([value, text]) => h("option", { value }, text)));
      this[`${name}Select`] = element;
      return h("div", { class: "field" }, h("label", { for: element.id }, label), element);
    };
    const set = (name, value) => {
      this.filter[name] = value;
      this.apply();
    };
    const number = (value) => (value === "" ? null : Number(value));
    const levels = [["", "all"], ...LEVELS.map((level, n) => [n, n === 0 ? level : `${level} and above`])];
    const threads = log.threads
      .map((thread, n) => [n, thread])
      .sort(([, a], [, b]) => b.records - a.records)
      .slice(0, MAX_OPTIONS)
      .map(([n, thread]) => [n, `${this.#threadName(thread)} (${grouped(thread.records)})`]);
    const targets = [...new Set(log.targets.list.flatMap(modulesOf))].sort().slice(0, MAX_OPTIONS);
    const spans = processes.flatMap((process) => [...process.spans.values()].map((span) => [`${process.index}/${span.id}`, spanLabel(span)]));
    this.targetInput = h("input", { id: "filter-target", list: "targets", placeholder: "all", spellcheck: "false", autocomplete: "off", oninput: () => set("target", this.targetInput.value.trim() || null) });
    this.textInput = h("input", { id: "filter-text", type: "search", placeholder: "text or /regex/", spellcheck: "false", autocomplete: "off", "aria-describedby": "filter-problem", oninput: () => set("text", this.textInput.value || null) });
    this.problem = h("span", { id: "filter-problem", class: "problem", role: "alert" });
    this.countElement = h("p", { id: "log-count", role: "status" });
    const form = h(
      "form",
      { class: "filters", role: "search", "aria-label": "Filter the log", onsubmit: (event) => event.preventDefault() },
      h("div", { class: "field wide" }, h("label", { for: "filter-text" }, "Text"), this.textInput),
      select("Level", "level", levels, (value) => set("level", number(value))),
      h("div", { class: "field" }, h("label", { for: "filter-target" }, "Target"), this.targetInput, h("datalist", { id: "targets" }, targets.map((target) => h("option", { value: oneLine(target, 200) })))),
      log.threads.length > 1 && select("Thread", "thread", [["", "all"], ...threads], (value) => set("thread", number(value))),
      processes.length > 1 && select("Process", "process", [["", "all"], ...processes.map((process) => [process.index, process.name])], (value) => set("process", number(value))),
      spans.length > 0 && select("Span", "span", [["", "all"], ...spans.slice(0, MAX_OPTIONS)], (value) => this.setSpan(value)),
      h("div", { class: "actions" }, button("Clear", () => this.clear(), { title: "Remove all filters (x)" }), button("Copy", () => this.copyAll(), { title: "Copy the filtered records" })),
      this.problem,
    );
    this.head = h("div", { role: "row", "aria-rowindex": 1, class: "row" });
    this.headGroup = h("div", { role: "rowgroup", class: "log-head" }, this.head);
    this.body = h("div", { role: "rowgroup", class: "log-rows" });
    this.grid = h("div", { role: "grid", id: "log-grid", class: "log", tabindex: 0, "aria-label": "Log records", "aria-describedby": "log-count", onkeydown: (event) => this.#key(event), onclick: (event) => this.#click(event), onscroll: () => this.#onScroll() }, this.headGroup, this.body);
    this.recordElement = h("div", { id: "record", role: "region", "aria-label": "Selected record" });
    this.printed = h("pre", { class: "printed" });
    this.element = h("section", { id: "log", "aria-labelledby": "log-title" }, h("div", { class: "bar" }, h("h2", { id: "log-title", tabindex: -1 }, "Log"), this.countElement), form, this.grid, this.printed, this.recordElement);
    this.#columns();
    new ResizeObserver(() => this.render()).observe(this.grid);
  }

  #threadName(thread) {
    const name = oneLine(thread.name, 60) || "unnamed";
    return this.log.processes.length > 1 ? `${this.log.processes[thread.process].name} · ${name}` : name;
  }

  setSpan(value) {
    const at = value.indexOf("/");
    this.filter.span = value === "" ? null : { process: Number(value.slice(0, at)), id: value.slice(at + 1) };
    // The list does not have all spans if there are very many.
    if (value !== "" && ![...this.spanSelect.options].some((option) => option.value === value)) {
      const span = this.log.processes[this.filter.span.process].spans.get(this.filter.span.id);
      this.spanSelect.append(h("option", { value }, spanLabel(span)));
    }
    this.spanSelect.value = value;
    this.apply();
  }

  setThread(thread) {
    this.filter.thread = thread;
    const isListed = [...this.threadSelect.options].some((option) => option.value === String(thread));
    if (!isListed) this.threadSelect.append(h("option", { value: thread }, this.#threadName(this.log.threads[thread])));
    this.threadSelect.value = thread;
    this.apply();
  }

  setTarget(target) {
    this.filter.target = target;
    this.targetInput.value = target;
    this.apply();
  }

  clear() {
    this.filter = { ...NO_FILTER };
    for (const name of ["level", "thread", "process", "span"]) {
      if (this[`${name}Select`]) this[`${name}Select`].value = "";
    }
    this.targetInput.value = "";
    this.textInput.value = "";
    this.apply();
  }

  /** Applies the filters, and keeps the selection if its record passes. */
  apply() {
    const started = performance.now();
    const { log } = this;
    const kept = this.selected >= 0 ? this.rows[this.selected] : null;
    try {
      this.found = filterLog(log, this.filter);
      this.problem.textContent = "";
      this.textInput.removeAttribute("aria-invalid");
    } catch (error) {
      this.problem.textContent = oneLine(error.message, 200);
      this.textInput.setAttribute("aria-invalid", "true");
      return;
    }
    Object.assign(this, rowsOf(this.found, log.marks.map((mark) => this.#isMarkShown(mark) && mark), log));
    const isAll = this.found.length === log.length;
    this.countElement.textContent = isAll ? count(log.length, "record") : `${grouped(this.found.length)} of ${count(log.length, "record")}`;
    this.grid.setAttribute("aria-rowcount", this.rows.length + 1);
    this.selected = kept === null ? -1 : this.#rowOf(kept);
    if (this.selected >= 0) this.#scrollTo(this.selected, "center");
    this.render();
    performance.measure("filter", { start: started, end: performance.now() });
  }

  #isMarkShown({ process }) {
    const { filter, log } = this;
    if (filter.process !== null && filter.process !== process.index) return false;
    return filter.thread === null || log.threads[filter.thread].process === process.index;
  }

  // Rows

  /** Columns are as wide as their longest text, within bounds. */
  #columns() {
    const { log } = this;
    const widest = (texts, most) => Math.min(most, Math.max(3, ...texts.slice(0, 5000).map((text) => text.length)));
    this.columns = [
      ["Time", "time", 10],
      ["Level", "level", 5],
      log.processes.length > 1 && ["Process", "process", widest(log.processes.map((process) => process.name), 16)],
      log.threads.length > 1 && ["Thread", "thread", widest(log.threads.map((thread) => thread.name), 14)],
      log.targets.list.length > 1 && ["Target", "target", widest(log.targets.list, 20)],
    ].filter(Boolean);
    const widths = this.columns.map(([, name, width]) => (name === "time" ? "var(--time-width)" : `${width}ch`));
    this.grid.style.setProperty("--columns", `${widths.join(" ")} minmax(0, 1fr)`);
    this.head.replaceChildren(...[...this.columns, ["Message", "msg"]].map(([title, name]) => h("span", { role: "columnheader", class: `cell ${name}` }, title)));
  }

  get #rowHeight() {
    return parseFloat(getComputedStyle(this.grid).getPropertyValue("--row-height")) || 24;
  }

  #onScroll() {
    if (this.isRenderPlanned) return;
    this.isRenderPlanned = true;
    requestAnimationFrame(() => {
      this.isRenderPlanned = false;
      this.render();
    });
  }

  /** Builds the rows in view. */
  render() {
    const { rows, grid, body } = this;
    const height = this.#rowHeight;
    const total = rows.length * height;
    const shown = Math.ceil(Math.max(0, grid.clientHeight - this.headGroup.offsetHeight) / height);
    body.style.height = `${Math.min(total, MAX_HEIGHT)}px`;
    const isScaled = total > MAX_HEIGHT;
    const most = Math.max(1, grid.scrollHeight - grid.clientHeight);
    const first = isScaled ? Math.round((grid.scrollTop / most) * Math.max(0, rows.length - shown)) : Math.floor(grid.scrollTop / height);
    const from = Math.max(0, first - OVERSCAN);
    const to = Math.min(rows.length, first + shown + OVERSCAN);
    const built = [];
    for (let n = from; n < to; n += 1) {
      const row = this.#row(n);
      row.style.transform = `translateY(${isScaled ? grid.scrollTop + (n - first) * height : n * height}px)`;
      built.push(row);
    }
    body.replaceChildren(...built);
    if (this.selected >= from && this.selected < to) grid.setAttribute("aria-activedescendant", `row-${this.selected}`);
    else grid.removeAttribute("aria-activedescendant");
  }

  #row(n) {
    const entry = this.rows[n];
    const isSelected = n === this.selected;
    const properties = { role: "row", id: `row-${n}`, "aria-rowindex": n + 2, "aria-selected": String(isSelected) };
    if (entry < 0) {
      const mark = this.log.marks[-1 - entry];
      return h("div", { ...properties, class: `row mark ${mark.stack ? "created" : "failure"}` }, h("span", { role: "gridcell", class: "cell", "aria-colspan": this.columns.length + 1 }, markText(mark, this.log)));
    }
    const { log } = this;
    const level = LEVELS[log.level[entry]];
    const texts = {
      time: this.page.timeText(log.time[entry]),
      level,
      process: log.processes[log.process[entry]].name,
      thread: oneLine(log.threads[log.thread[entry]].name, 100),
      target: oneLine(log.targets.list[log.target[entry]], 200),
    };
    const cells = this.columns.map(([, name, width]) => h("span", { role: "gridcell", class: `cell ${name}`, title: texts[name].length > width && texts[name] }, texts[name]));
    const record = log.records[entry];
    const fields = Object.entries(asObject(record.fields)).map(([key, value]) => `${key}=${cut(fieldText(value), 500)}`);
    const times = this.counts[n];
    const message = h(
      "span",
      { role: "gridcell", class: "cell msg" },
      times > 1 && h("span", { class: "times" }, `×${grouped(times)} until ${this.page.timeText(log.time[this.lasts[n]])}  `),
      oneLine(asText(record.msg), 500),
      fields.length > 0 && h("span", { class: "muted" }, `  ${oneLine(fields.join(" "), 500)}`),
    );
    return h("div", { ...properties, class: `row level-${level.toLowerCase()}` }, cells, message);
  }

  // The selection

  #click(event) {
    const row = event.target.closest(".log-rows .row");
    if (!row) return;
    const n = Number(row.id.slice("row-".length));
    this.select(n);
    if (this.rows[n] < 0) this.#open();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.grid.clientHeight / this.#rowHeight) - 2);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in moves) {
      const next = Math.max(0, this.selected) + moves[event.key];
      this.select(Math.min(this.rows.length - 1, Math.max(0, this.selected < 0 && moves[event.key] === 1 ? 0 : next)));
    } else if (event.key === "Enter") this.#open();
    else return;
    event.preventDefault();
  }

  /** Shows the stack of the selected mark, or the details of the selected record. */
  #open() {
    const entry = this.rows[this.selected];
    if (entry === undefined) return;
    if (entry >= 0) {
      byId("record-title")?.focus();
      return;
    }
    const mark = this.log.marks[-1 - entry];
    if (mark.stack) this.page.showStack(mark.stack, mark.process);
    else this.page.showFailure(mark.process);
  }

  /** Selects a row, and shows its first record, or the given one of its equal records. */
  select(n, where = "nearest", record = this.rows[n]) {
    if (n < 0 || n >= this.rows.length) return;
    this.selected = n;
    this.#scrollTo(n, where);
    this.render();
    this.showDetails(record);
    this.page.onSelect(record < 0 ? this.log.marks[-1 - record].time : this.log.time[record]);
  }

  /** Selects a record; filters that hide it are removed. */
  selectRecord(index) {
    let n = this.#rowOf(index);
    if (n < 0) {
      this.clear();
      n = this.#rowOf(index);
      announce("The filters were removed, because they hid the record");
    }
    this.select(n, "center", index);
  }

  /** The row of a mark or a record; -1 if the filters hide it. */
  #rowOf(entry) {
    if (entry < 0 || !this.found.includes(entry)) return this.rows.indexOf(entry);
    return this.rows.findIndex((first, n) => first >= 0 && first <= entry && entry <= this.lasts[n]);
  }

  selectMark(mark) {
    const entry = -1 - this.log.marks.indexOf(mark);
    if (!this.rows.includes(entry)) this.clear();
    this.select(this.rows.indexOf(entry), "center");
  }

  /** Describes the equal records of the selected row. */
  repeatsOf(index) {
    const n = this.selected;
    if (!(this.counts[n] > 1) || index < this.rows[n] || index > this.lasts[n]) return "";
    const seq = (entry) => oneLine(asText(this.log.records[entry].seq), 40);
    return `${grouped(this.counts[n])} equal records in a row: ${seq(this.rows[n])} to ${seq(this.lasts[n])}`;
  }

  /** Selects the next mark in this direction. */
  stepMark(step) {
    for (let n = this.selected + step; n >= 0 && n < this.rows.length; n += step) {
      if (this.rows[n] < 0) return this.select(n, "center");
    }
    announce(step > 0 ? "There is no later mark" : "There is no earlier mark");
  }

  #scrollTo(n, where) {
    const { grid } = this;
    const height = this.#rowHeight;
    const space = Math.max(height, grid.clientHeight - this.headGroup.offsetHeight);
    const total = this.rows.length * height;
    this.body.style.height = `${Math.min(total, MAX_HEIGHT)}px`;
    if (total > MAX_HEIGHT) {
      const shown = Math.ceil(space / height);
      const first = Math.max(0, n - Math.floor(shown / 2));
      grid.scrollTop = (first / Math.max(1, this.rows.length - shown)) * (grid.scrollHeight - grid.clientHeight);
    } else if (where === "center") grid.scrollTop = n * height - space / 2 + height;
    else if (n * height < grid.scrollTop) grid.scrollTop = n * height;
    else if ((n + 1) * height > grid.scrollTop + space) grid.scrollTop = (n + 1) * height - space;
  }

  /** The filtered record nearest to a time, of one thread if given. */
  nearest(time, thread = null) {
    const { log } = this;
    let best = -1;
    for (const index of this.found) {
      if (thread !== null && log.thread[index] !== thread) continue;
      if (best < 0 || Math.abs(log.time[index] - time) < Math.abs(log.time[best] - time)) best = index;
    }
    return best;
  }

  showDetails(entry) {
    if (entry < 0) {
      this.recordElement.replaceChildren();
      return;
    }
    this.recordElement.replaceChildren(...recordDetails(entry, this));
  }

  // Copying and printing

  copyAll() {
    const lines = Array.from(this.found, (index) => this.log.line(index));
    return copy(`${lines.join("\n")}\n`, count(lines.length, "record"));
  }

  /** Builds the records around the selected one for printing, because the list has only the rows in view. */
  preparePrint() {
    const { found, log } = this;
    const entry = this.rows[this.selected] ?? -1;
    const selected = entry >= 0 ? found.indexOf(entry) : -1;
    const last = Math.min(found.length, Math.max(MAX_PRINTED, selected + MAX_PRINTED / 4 + 1));
    const first = Math.max(0, last - MAX_PRINTED);
    const lines = Array.from(found.subarray(first, last), (index) => cut(log.line(index), 2000));
    if (last - first < found.length) lines.unshift(`(records ${grouped(first + 1)} to ${grouped(last)} of ${grouped(found.length)})`);
    this.printed.textContent = lines.join("\n");
  }
}

/** `a::b::c` is in the modules `a`, `a::b` and `a::b::c`. */
function modulesOf(target) {
  const parts = target.split("::").slice(0, 12);
  return parts.map((_, n) => parts.slice(0, n + 1).join("::"));
}

function spanLabel(span) {
  const fields = Object.entries(asObject(span.raw.fields)).slice(0, 4).map(([key, value]) => `${key}=${cut(fieldText(value), 40)}`);
  const indent = "\u00a0".repeat(2 * (span.path.length - 1));
  return `${indent}${oneLine([span.name, ...fields].join(" "), 80)}`;
}

/** The rows of the list: each mark follows its record, and consecutive equal records are one row. */
function rowsOf(found, marks, log) {
  const rows = new Int32Array(found.length + marks.length);
  const lasts = new Int32Array(rows.length);
  const counts = new Int32Array(rows.length);
  let length = 0;
  let next = 0;
  const add = (before) => {
    for (; next < marks.length && (marks[next] === false || marks[next].after < before); next += 1) {
      if (marks[next] === false) continue;
      rows[length] = -1 - next;
      length += 1;
    }
  };
  for (const index of found) {
    add(index);
    const before = length - 1;
    if (before >= 0 && rows[before] >= 0 && log.isRepeat(lasts[before], index)) {
      lasts[before] = index;
      counts[before] += 1;
      continue;
    }
    rows[length] = index;
    lasts[length] = index;
    counts[length] = 1;
    length += 1;
  }
  add(Infinity);
  return { rows: rows.subarray(0, length), lasts: lasts.subarray(0, length), counts: counts.subarray(0, length) };
}

function markText(mark, log) {
  const of = log.processes.length > 1 ? ` in ${mark.process.name}` : "";
  if (!mark.stack) return `▲ Failure${of}: ${mark.process.headline}`;
  return `◆ Error created${of}: ${firstLine(mark.stack.error, 300)} (stack ${mark.stack.number + 1})`;
}

function recordDetails(index, view) {
  const { log, page } = view;
  const record = log.records[index];
  const process = log.processes[log.process[index]];
  const thread = log.threads[log.thread[index]];
  const target = log.targets.list[log.target[index]];
  const span = log.span(index);
  const message = asText(record.msg);
  const fields = Object.entries(asObject(record.fields)).slice(0, 200);
  const created = process.stacks.filter((stack) => stack.recordBefore === index);
  const only = (label, onclick) => linkTo(label, onclick, { title: "Show only these records" });
  const time = log.time[index];
  return [
    h(
      "h3",
      { id: "record-title", tabindex: -1 },
      `Record ${oneLine(asText(record.seq), 40)}`,
      h("span", { class: `badge level level-${LEVELS[log.level[index]].toLowerCase()}` }, LEVELS[log.level[index]]),
      h("span", { class: "note" }, `${absoluteTime(time)}, ${fromFailure(time, page.zero)}`),
    ),
    h("pre", { class: "message", tabindex: 0, role: "group", "aria-label": "Message" }, visible(cut(message, 20_000))),
    facts([
      ...fields.map(([key, value]) => [oneLine(key, 100), h("code", {}, visible(cut(fieldText(value), 2000)))]),
      ["target", target !== "" && only(oneLine(target, 300), () => view.setTarget(target))],
      ["thread", log.threads.length > 1 ? only(oneLine(thread.name, 200) || "unnamed", () => view.setThread(log.thread[index])) : oneLine(thread.name, 200)],
      ["span", span && only(span.path.map((one) => one.name).join(" › "), () => view.setSpan(`${process.index}/${span.id}`))],
      ["process", log.processes.length > 1 ? process.name : ""],
      ["source", place(record, process) && h("code", { title: fullPlace(record) }, place(record, process))],
      ["repeats", view.repeatsOf(index)],
      ["cut", record.cut === true ? "The record was too long; its end is missing." : ""],
    ].filter(([, value]) => value)),
    h(
      "p",
      { class: "actions" },
      created.map((stack) => button(`Stack ${stack.number + 1}: ${firstLine(stack.error, 60)}`, () => page.showStack(stack, process), { class: "to-stack" })),
      button("Copy record", () => copy(log.line(index), "the record")),
      button("Back to the list", () => view.grid.focus()),
    ),
  ];
}
