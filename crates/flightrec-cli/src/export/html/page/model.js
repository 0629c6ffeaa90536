// Reads the dumps of the page leniently: values of the wrong type are ignored.

const LEVELS = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
const [ERROR, , INFO] = LEVELS.keys();

/** Keys with their own presentation. Other keys are shown as JSON. */
const KNOWN_KEYS = new Set(
  ("schema app version revision created_at reason also error stack_traces omitted_stack_traces noted_errors omitted_noted_errors threads latest_logs spans " +
    "evicted_logs suppressed_dumps suppressed related_dumps fingerprint modules process crash gauges host metadata redactions notes").split(" "),
);

/** Span ids that JavaScript would round. Matches only keys, because quotes within strings are escaped. */
const LARGE_ID = /("(?:id|parent|span)"\s*:\s*)(\d{16,})/g;

/** Other whole numbers that JavaScript would round. May also match text, which only makes parsing slower. */
const LARGE_NUMBER = /[\s:,[]-?\d{16,}/;

/** Parses a dump. Whole numbers that JavaScript would round become text. */
function parseDump(json) {
  const text = json.replace(LARGE_ID, '$1"$2"');
  if (LARGE_NUMBER.test(text)) {
    try {
      return asObject(JSON.parse(text, exactNumber));
    } catch {
      // The dump may be nested too deep for a reviver.
    }
  }
  return asObject(JSON.parse(text));
}

/** Browsers older than 2025 do not pass the text of a number, so they show it rounded. */
function exactNumber(_key, value, context) {
  const isRounded = Number.isInteger(value) && !Number.isSafeInteger(value);
  return isRounded && /^-?\d+$/.test(context?.source ?? "") ? context.source : value;
}

/** Reads one dump. */
function readProcess(json, index, file) {
  const raw = parseDump(json);
  const reason = asObject(raw.reason);
  const about = asObject(raw.process);
  const crash = raw.crash && typeof raw.crash === "object" ? asObject(raw.crash) : null;
  const records = asList(raw.latest_logs).map(asObject);
  const kind = asText(reason.kind) || "error";
  const createdAt = parseTime(raw.created_at);
  const lastRecordAt = parseTime(records.at(-1)?.time);
  const crashedAt = crash ? parseTime(crash.last_record_at) : NaN;
  const process = {
    raw,
    json,
    index,
    file,
    kind,
    crash,
    records,
    createdAt,
    // A crash is noticed at the next start, so the time of the last record is used.
    failedAt: kind !== "crash" ? createdAt : isTime(crashedAt) ? crashedAt : isTime(lastRecordAt) ? lastRecordAt : createdAt,
    startedAt: parseTime(about.started_at),
    app: oneLine(asText(raw.app), 100) || "a program without a name",
    version: oneLine(asText(raw.version), 100),
    pid: asText(about.pid),
    failedThread: asText(about.thread),
    stacks: asList(raw.stack_traces).map(asObject).map(readStack),
    spans: readSpans(raw.spans),
  };
  process.name = process.pid && process.pid !== "0" ? `${process.app} (${process.pid})` : process.app;
  process.roots = buildRoots(process);
  process.headline = headline(process, asText(reason.message));
  return process;
}

function readStack(raw, number) {
  return {
    number,
    error: asText(raw.error),
    type: asText(raw.error_type),
    origin: asText(raw.origin),
    frames: asList(raw.frames).map(asObject),
    trail: asList(raw.trail).map(asObject),
    logSeq: asNumber(raw.log_seq),
    /** The index in the log of the last record before the stack was captured. */
    recordBefore: -1,
  };
}

/** The spans by their ids, with `depth` and `path`. A parent may be missing or its own ancestor. */
function readSpans(raw) {
  const spans = new Map();
  for (const span of asList(raw).map(asObject)) {
    const id = asText(span.id);
    if (id === "" || spans.has(id)) continue;
    spans.set(id, {
      id,
      raw: span,
      parent: asText(span.parent),
      name: oneLine(asText(span.name), 100) || "unnamed",
      openedAt: parseTime(span.opened_at),
      closedAt: parseTime(span.closed_at),
      records: 0,
    });
  }
  for (const span of spans.values()) {
    const path = [];
    for (let outer = span; outer && path.length < 64 && !path.includes(outer); outer = spans.get(outer.parent)) {
      path.unshift(outer);
    }
    span.path = path;
  }
  return spans;
}

/**
 * The build directories of the program. Debug information has `/home/ci/app/src/main.rs`, the compiler's
 * own locations have `src/main.rs`: the build directory is the difference.
 */
function buildRoots({ raw, records, stacks }) {
  const relative = new Set();
  const add = (location) => {
    const file = asText(location.file);
    if (/^[\w-]/.test(file) && !file.includes(":\\") && relative.size < 64) relative.add(file);
  };
  const errors = [asObject(raw.error)];
  for (const error of errors) {
    add(asObject(error.location));
    if (errors.length < 1000) errors.push(...asList(error.sources).map(asObject));
  }
  stacks.forEach((stack) => stack.trail.forEach(add));
  records.slice(-2000).forEach(add);
  const frames = stacks.flatMap((stack) => stack.frames).slice(0, 10_000);
  const roots = new Set();
  for (const file of new Set(frames.map((frame) => asText(frame.file)))) {
    const short = [...relative].find((short) => file.endsWith(`/${short}`) || file.endsWith(`\\${short}`));
    if (short && file.length > short.length + 1) roots.add(file.slice(0, -short.length));
  }
  return [...roots];
}

/** Describes the failure in one sentence. */
function headline(process, message) {
  const { raw, crash, kind } = process;
  const signal = crash && (asText(crash.signal_name) || (asNumber(crash.signal) && `signal ${crash.signal}`));
  if (signal) {
    const address = asText(crash.fault_address);
    return oneLine(`${signal}${address && ` at address ${address}`}`, 300);
  }
  if (kind === "level") {
    const said = process.records.findLast((record) => levelOf(record) === ERROR);
    if (said) return oneLine(asText(said.msg), 300);
  }
  const error = asText(asObject(raw.error).message);
  return oneLine((kind === "error" && error) || message || error || `a dump of kind "${kind}"`, 300);
}

function levelOf(record) {
  const level = LEVELS.indexOf(asText(record.level));
  return level < 0 ? INFO : level;
}

/** Assigns a number to each distinct name. */
class Names {
  list = [];
  #numbers = new Map();

  number(name) {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.list.push(name) - 1;
      this.#numbers.set(name, number);
    }
    return number;
  }
}

/** The records of all processes in order of time. Stored in columns, so that filters are fast. */
class Log {
  constructor(processes) {
    const length = processes.reduce((sum, process) => sum + process.records.length, 0);
    this.processes = processes;
    this.length = length;
    this.records = new Array(length);
    this.process = new Uint16Array(length);
    this.time = new Float64Array(length);
    this.level = new Uint8Array(length);
    this.target = new Int32Array(length);
    this.thread = new Int32Array(length);
    /** 1 if the record differs from its process's previous record only in number and time. */
    this.repeats = new Uint8Array(length);
    this.targets = new Names();
    this.prepared = 0;
    /** Threads of different processes are distinct, even if their names are equal. */
    this.threads = [];
    this.#merge();
    this.marks = this.#marks();
  }

  /** Keeps the order within each dump, even if its clock went backwards. */
  #merge() {
    const { processes } = this;
    const threadNumbers = processes.map(() => new Map());
    const next = new Uint32Array(processes.length);
    const times = processes.map((process) => parseTime(process.records[0]?.time));
    for (let index = 0; index < this.length; index += 1) {
      let from = -1;
      for (let other = 0; other < processes.length; other += 1) {
        if (next[other] === processes[other].records.length) continue;
        if (from < 0 || times[other] < times[from] || Number.isNaN(times[other])) from = other;
      }
      const process = processes[from];
      const record = process.records[next[from]];
      this.records[index] = record;
      this.process[index] = from;
      this.time[index] = times[from];
      this.level[index] = levelOf(record);
      this.target[index] = this.targets.number(asText(record.target));
      this.thread[index] = this.#threadNumber(threadNumbers[from], from, asText(record.thread));
      this.repeats[index] = next[from] > 0 && isRepeat(process.records[next[from] - 1], record) ? 1 : 0;
      const span = process.spans.size > 0 && process.spans.get(asText(record.span));
      if (span) span.records += 1;
      next[from] += 1;
      times[from] = parseTime(process.records[next[from]]?.time);
    }
  }

  #threadNumber(numbers, process, name) {
    let number = numbers.get(name);
    if (number === undefined) {
      number = this.threads.push({ process, name, records: 0 }) - 1;
      numbers.set(name, number);
    }
    this.threads[number].records += 1;
    return number;
  }

  /** Marks where errors were created, and failures. Each mark follows a record. */
  #marks() {
    const marks = [];
    for (const process of this.processes) {
      const wanted = new Map();
      for (const stack of process.stacks) {
        if (stack.logSeq !== null) wanted.set(stack.logSeq, -1);
      }
      let atFailure = -1;
      for (let index = 0; index < this.length; index += 1) {
        if (this.process[index] !== process.index) continue;
        const seq = this.records[index].seq;
        if (wanted.has(seq)) wanted.set(seq, index);
        if (!(this.time[index] > process.failedAt)) atFailure = index;
      }
      for (const stack of process.stacks) {
        stack.recordBefore = wanted.get(stack.logSeq) ?? -1;
        if (stack.recordBefore < 0) continue;
        stack.mark = { process, stack, after: stack.recordBefore, time: this.time[stack.recordBefore] };
        marks.push(stack.mark);
      }
      process.mark = { process, stack: null, after: atFailure, time: process.failedAt };
      marks.push(process.mark);
    }
    return marks.sort((a, b) => a.after - b.after || Number(a.stack === null) - Number(b.stack === null));
  }

  /** Whether a record repeats `before`, the previous filtered record. */
  isRepeat(before, index) {
    return this.repeats[index] === 1 && this.process[before] === this.process[index] && this.records[before].seq + 1 === this.records[index].seq;
  }

  span(index) {
    return this.processes[this.process[index]].spans.get(asText(this.records[index].span));
  }

  /** The message and the fields as text. */
  text(index) {
    const record = this.records[index];
    let text = asText(record.msg);
    let separator = "  ";
    for (const [key, value] of Object.entries(asObject(record.fields))) {
      text += `${separator}${key}=${fieldText(value)}`;
      separator = " ";
    }
    return text;
  }

  /** Prepares some of the texts to search. Returns false when all are prepared. */
  prepareSearch() {
    const end = Math.min(this.length, this.prepared + 1000);
    for (; this.prepared < end; this.prepared += 1) lowerText(this, this.prepared);
    return this.prepared < this.length;
  }

  /** A record as a line of text. */
  line(index) {
    const process = this.processes.length > 1 ? `${this.processes[this.process[index]].name} ` : "";
    const { name } = this.threads[this.thread[index]];
    const target = this.targets.list[this.target[index]];
    const level = LEVELS[this.level[index]].padEnd(5);
    const time = asText(this.records[index].time);
    return visible(`${time} ${level} ${process}${name} ${target}: ${this.text(index)}`).replaceAll("\n", "\n    ");
  }
}

/** Whether a record differs from the previous one only in number and time, and no record is missing between them. */
function isRepeat(before, record) {
  if (record.msg !== before.msg || record.seq !== before.seq + 1) return false;
  const keys = Object.keys(record);
  return keys.length === Object.keys(before).length && keys.every((key) => key === "seq" || key === "time" || isSame(before[key], record[key], 8));
}

function isSame(a, b, depth) {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || depth === 0) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => isSame(a[key], b[key], depth - 1));
}

/** The settings of the filters. A null passes everything. */
const NO_FILTER = { level: null, process: null, target: null, thread: null, span: null, text: null };

/** The indices of the records that pass the filters. */
function filterLog(log, filter) {
  const targets = filter.target && log.targets.list.map((target) => isWithin(target, filter.target));
  const spans = filter.span && spansWithin(log, filter.span);
  const matches = filter.text && textMatcher(log, filter.text);
  const found = new Int32Array(log.length);
  let length = 0;
  for (let index = 0; index < log.length; index += 1) {
    if (filter.level !== null && log.level[index] > filter.level) continue;
    if (filter.process !== null && log.process[index] !== filter.process) continue;
    if (filter.thread !== null && log.thread[index] !== filter.thread) continue;
    if (targets && !targets[log.target[index]]) continue;
    if (spans && !spans.has(log.span(index))) continue;
    if (matches && !matches(index)) continue;
    found[length] = index;
    length += 1;
  }
  return found.subarray(0, length);
}

/** Whether a target is `outer` or a module in it. Without `::`, `outer` may be any part of the target. */
function isWithin(target, outer) {
  return target === outer || target.startsWith(`${outer}::`) || (!outer.includes("::") && target.includes(outer));
}

/** A span and its descendants. */
function spansWithin(log, { process, id }) {
  const { spans } = log.processes[process];
  const outer = spans.get(id);
  return new Set([...spans.values()].filter((span) => span.path.includes(outer)));
}

/** Ignores case unless the text has a capital letter; `/…/` and `/…/i` are regular expressions. */
function textMatcher(log, text) {
  const regex = /^\/(.+)\/([a-z]*)$/s.exec(text);
  if (regex) {
    const expression = new RegExp(regex[1], regex[2].replace(/[gy]/g, ""));
    return (index) => expression.test(searchText(log, index));
  }
  if (/\p{Lu}/u.test(text)) return (index) => searchText(log, index).includes(text);
  return (index) => lowerText(log, index).includes(text);
}

/** Texts to search are cached: formatting the fields of 100,000 records takes longer than searching them. */
function searchText(log, index) {
  log.searchTexts ??= new Array(log.length);
  return (log.searchTexts[index] ??= log.text(index));
}

function lowerText(log, index) {
  log.lowerTexts ??= new Array(log.length);
  return (log.lowerTexts[index] ??= searchText(log, index).toLowerCase());
}
