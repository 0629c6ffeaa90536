// The timeline: a lane for each thread, and lanes for spans, of all processes on one time axis.

const MAX_LANES = 8;
const MAX_SPAN_LANES = 8;
const LANE_HEIGHT = 18;
const ZOOMS = [1e8 * 36, 6e8, 6e7, 1e7, 1e6, 1e5, 1e4, 1e3];

class Timeline {
  constructor(log, page) {
    this.log = log;
    this.page = page;
    this.lanes = [];
    const times = [];
    for (const time of log.time) if (isTime(time)) times.push(time);
    for (const process of log.processes) {
      if (isTime(process.failedAt)) times.push(process.failedAt);
    }
    if (times.length === 0) return;
    this.first = times.reduce((a, b) => Math.min(a, b));
    this.last = times.reduce((a, b) => Math.max(a, b));
    const room = Math.max(1, (this.last - this.first) * 0.01);
    this.whole = [this.first - room, this.last + room];
    this.range = [...this.whole];
    this.#build();
  }

  #build() {
    const { log } = this;
    const length = this.last - this.first;
    const zooms = ZOOMS.filter((zoom) => zoom < length * 0.8).slice(0, 6);
    const zoomButton = (label, range) => {
      const element = button(label, () => this.zoom(range(), element), { "aria-pressed": "false" });
      return element;
    };
    const all = zoomButton("All", () => [...this.whole]);
    this.zoomButtons = [all, ...zooms.map((zoom) => zoomButton(duration(zoom).replace(/\.0+(?=\D)/, "").replace("m00s", " min").replace("h00m", " h").replace(/([µm]?s)$/, " $1"), () => this.#around(zoom)))];
    all.setAttribute("aria-pressed", "true");
    this.axis = h("div", { class: "axis", "aria-hidden": "true" });
    this.marksElement = h("div", { class: "marks", role: "toolbar", "aria-label": "Failures and created errors", onkeydown: (event) => this.#markKey(event) });
    this.cursor = h("div", { class: "cursor", hidden: true });
    const groups = log.processes.map((process) => this.#group(process));
    this.legend = h("p", { class: "legend", "aria-hidden": "true" }, LEVELS.map((level) => h("span", { class: `level-${level.toLowerCase()}` }, `■ ${level}`)), h("span", { class: "mark-failure" }, "▲ failure"), h("span", { class: "mark-created" }, "◆ error created"));
    this.plot = h("div", { class: "plot" }, this.axis, this.marksElement, groups, h("div", { class: "over" }, this.cursor));
    this.element = h(
      "section",
      { id: "timeline", "aria-labelledby": "timeline-title" },
      h("div", { class: "bar" }, h("h2", { id: "timeline-title", tabindex: -1 }, "Timeline"), h("div", { class: "zooms", role: "group", "aria-label": "Length of time shown" }, this.zoomButtons)),
      this.plot,
      this.legend,
    );
    new ResizeObserver(() => this.draw()).observe(this.plot);
  }

  #group(process) {
    const { log } = this;
    const threads = log.threads
      .map((thread, number) => ({ ...thread, number }))
      .filter((thread) => thread.process === process.index)
      .sort((a, b) => (b.name === process.failedThread) - (a.name === process.failedThread) || b.records - a.records);
    const list = h("ul", { class: "lanes" });
    const addThread = (thread) => {
      const canvas = h("canvas", { "aria-hidden": "true", onclick: (event) => this.#click(event, thread) });
      const name = oneLine(thread.name, 60) || "unnamed";
      const label = button(name, () => this.page.filterByThread(thread.number), { class: "lane-label", title: `${name}: ${count(thread.records, "record")}; show only these`, "aria-label": `Thread ${name}, ${count(thread.records, "record")}: show only these` });
      list.append(h("li", {}, label, canvas));
      this.lanes.push({ canvas, thread: thread.number });
    };
    threads.slice(0, MAX_LANES).forEach(addThread);
    const rest = threads.slice(MAX_LANES, 64);
    const parts = [list];
    if (rest.length > 0) {
      const more = button(`Show ${count(rest.length, "more thread")}`, () => {
        more.remove();
        rest.forEach(addThread);
        this.draw();
      }, { class: "link more" });
      parts.push(more);
    }
    const spanLanes = packSpans(process);
    if (spanLanes.length > 0) {
      const spanList = h("ul", { class: "lanes" });
      spanLanes.slice(0, MAX_SPAN_LANES).forEach((spans, n) => {
        const canvas = h("canvas", { class: "spans", "aria-hidden": "true", onclick: (event) => this.#clickSpan(event, process, spans) });
        spanList.append(h("li", {}, h("span", { class: "lane-label" }, n === 0 ? "spans" : ""), canvas));
        this.lanes.push({ canvas, spans, process });
      });
      parts.push(spanList);
    }
    if (log.processes.length > 1) parts.unshift(h("h3", {}, process.name));
    return h("div", { class: "lane-group", role: "group", "aria-label": process.name }, parts);
  }

  /** Shows a range of this length around the selected record, or ending with the failure. */
  #around(length) {
    const time = isTime(this.time) ? this.time : isTime(this.page.zero) ? this.page.zero : this.last;
    const start = Math.max(this.whole[0], time - length * 0.8);
    return [start, start + length];
  }

  zoom(range, pressed) {
    this.range = range;
    for (const element of this.zoomButtons) element.setAttribute("aria-pressed", String(element === pressed));
    this.draw();
  }

  /** Moves the cursor to the time of the selected record. */
  select(time) {
    this.time = time;
    if (!this.element || !isTime(time)) return;
    const [start, end] = this.range;
    if (time < start || time > end) {
      this.range = [time - (end - start) / 2, time + (end - start) / 2];
      this.draw();
    } else this.#placeCursor();
  }

  #placeCursor() {
    const at = this.#position(this.time ?? NaN);
    this.cursor.hidden = !(at >= 0 && at <= 1);
    this.cursor.style.left = `${at * 100}%`;
  }

  #position(time) {
    const [start, end] = this.range;
    return (time - start) / (end - start);
  }

  draw() {
    if (!this.element?.isConnected) return;
    const width = Math.floor(this.lanes[0]?.canvas.parentElement.clientWidth - (this.lanes[0]?.canvas.offsetLeft ?? 0));
    this.#drawMarks();
    this.#drawAxis();
    this.#placeCursor();
    if (!(width > 0)) return;
    const colors = [...this.legend.children].map((element) => getComputedStyle(element).color);
    const threads = this.#bins(width);
    for (const lane of this.lanes) {
      const context = sizeCanvas(lane.canvas, width);
      if (lane.spans) this.#drawSpans(context, lane, width);
      else drawBins(context, threads.get(lane.thread), colors);
    }
  }

  /** For each thread: the number of records in each column of pixels, and their most severe level. */
  #bins(width) {
    const { log } = this;
    const bins = new Map(this.lanes.filter((lane) => !lane.spans).map((lane) => [lane.thread, { counts: new Uint32Array(width), levels: new Uint8Array(width).fill(255) }]));
    const [start, end] = this.range;
    const scale = width / (end - start);
    for (let index = 0; index < log.length; index += 1) {
      const column = Math.floor((log.time[index] - start) * scale);
      const bin = column >= 0 && column < width && bins.get(log.thread[index]);
      if (!bin) continue;
      bin.counts[column] += 1;
      if (log.level[index] < bin.levels[column]) bin.levels[column] = log.level[index];
    }
    return bins;
  }

  #drawSpans(context, { spans, canvas }, width) {
    const style = getComputedStyle(canvas);
    const [start, end] = this.range;
    context.font = `11px ${style.fontFamily}`;
    context.textBaseline = "middle";
    for (const span of spans) {
      const from = Math.max(0, this.#position(span.openedAt) * width);
      const to = Math.min(width, this.#position(isTime(span.closedAt) ? span.closedAt : end) * width);
      if (to < 0 || from > width || span.openedAt > end || span.closedAt < start) continue;
      context.fillStyle = style.borderTopColor;
      context.globalAlpha = 0.3;
      context.fillRect(from, 2, Math.max(1.5, to - from - 1), LANE_HEIGHT - 4);
      context.globalAlpha = 1;
      if (to - from < 30) continue;
      context.save();
      context.beginPath();
      context.rect(from, 0, to - from - 4, LANE_HEIGHT);
      context.clip();
      context.fillStyle = style.color;
      context.fillText(span.name, from + 4, LANE_HEIGHT / 2 + 0.5);
      context.restore();
    }
  }

  #drawMarks() {
    const focused = this.marksElement.contains(document.activeElement) ? document.activeElement.dataset.mark : null;
    const { marks } = this.log;
    const items = [];
    marks.forEach((mark, n) => {
      const at = this.#position(mark.time);
      if (!(at >= 0 && at <= 1)) return;
      const kind = mark.stack ? "created" : "failure";
      const label = `${markText(mark, this.log).slice(2)}, ${fromFailure(mark.time, this.page.zero)}`;
      const element = button(mark.stack ? "◆" : "▲", () => this.page.showMark(mark), { class: `mark-${kind}`, title: label, "aria-label": label, "data-mark": n, tabindex: -1 });
      element.style.left = `${at * 100}%`;
      items.push(element);
    });
    (items.find((element) => element.dataset.mark === focused) ?? items.at(-1))?.setAttribute("tabindex", "0");
    this.marksElement.replaceChildren(...items);
    if (focused !== null) items.find((element) => element.dataset.mark === focused)?.focus();
  }

  /** Only one mark is a tab stop; the arrow keys move to the others. */
  #markKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const items = [...this.marksElement.children];
    const at = items.indexOf(document.activeElement);
    const next = items[at + step];
    if (!step || at < 0 || !next) return;
    event.preventDefault();
    items[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  #drawAxis() {
    const [start, end] = this.range;
    const zero = isTime(this.page.zero) ? this.page.zero : this.last;
    const step = niceStep((end - start) / 6);
    const ticks = [];
    for (let n = Math.ceil((start - zero) / step); zero + n * step <= end && ticks.length < 40; n += 1) {
      const time = zero + n * step;
      const text = this.page.isRelative ? (n === 0 ? "0" : `${n < 0 ? "−" : "+"}${tickText(Math.abs(n) * step, step)}`) : clockTime(time).slice(0, step >= 1e6 ? 8 : 15);
      // The label of the last tick would be cut off.
      if (this.#position(time) > 0.93) continue;
      const tick = h("span", {}, text);
      tick.style.left = `${this.#position(time) * 100}%`;
      ticks.push(tick);
    }
    this.axis.replaceChildren(...ticks);
  }

  #timeAt(event) {
    const box = event.currentTarget.getBoundingClientRect();
    const [start, end] = this.range;
    return start + ((event.clientX - box.left) / box.width) * (end - start);
  }

  #click(event, thread) {
    const index = this.page.nearestRecord(this.#timeAt(event), thread.number);
    if (index >= 0) this.page.showRecord(index, false);
  }

  #clickSpan(event, process, spans) {
    const time = this.#timeAt(event);
    const span = spans.find((one) => one.openedAt <= time && !(one.closedAt < time));
    if (span) this.page.filterBySpan(process, span);
  }
}

/** Puts spans with times into as few lanes as possible, without overlaps. */
function packSpans(process) {
  const lanes = [];
  const spans = [...process.spans.values()].filter((span) => isTime(span.openedAt));
  spans.sort((a, b) => a.path.length - b.path.length || a.openedAt - b.openedAt);
  for (const span of spans.slice(0, 5000)) {
    const end = isTime(span.closedAt) ? span.closedAt : Infinity;
    const first = span.path.length - 1;
    let lane = Math.min(first, lanes.length);
    while (lanes[lane] && lanes[lane].some((other) => other.openedAt < end && !(other.closedAt <= span.openedAt))) lane += 1;
    if (lane >= 64) continue;
    (lanes[lane] ??= []).push(span);
  }
  return lanes;
}

function sizeCanvas(canvas, width) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.floor(width * ratio);
  canvas.height = LANE_HEIGHT * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${LANE_HEIGHT}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return context;
}

/** Draws a bar for each column: its height shows the number of records, its color the most severe level. */
function drawBins(context, { counts, levels }, colors) {
  for (let column = 0; column < counts.length; column += 1) {
    if (counts[column] === 0) continue;
    const height = Math.min(LANE_HEIGHT - 2, 5 + 2 * Math.log2(counts[column]));
    context.fillStyle = colors[levels[column]];
    // A bar for a single record would be too thin to see.
    const width = counts[column + 1] ? 1 : 2;
    context.fillRect(column, (LANE_HEIGHT - height) / 2, width, height);
  }
}

/** 1, 2 or 5 times a power of ten; for longer times, minutes and hours. */
function niceStep(rough) {
  const sizes = [60, 120, 300, 600, 1200, 3600, 7200, 21_600, 43_200, 86_400].map((seconds) => seconds * 1e6);
  if (rough > 5e7) return sizes.find((size) => size >= rough) ?? Math.ceil(rough / 86_400e6) * 86_400e6;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}

/** The label of a tick. All ticks of an axis have the same unit and precision. */
function tickText(time, step) {
  const [size, unit] = [[3600e6, "h"], [60e6, "min"], [1e6, "s"], [1e3, "ms"], [1, "µs"]].find(([size]) => time >= size && step >= size / 1000) ?? [1, "µs"];
  return `${Number((time / size).toFixed(3))}\u202f${unit}`;
}
