// The parts of a dump except its log: the error, the notes, the crash, the stacks, the threads, and the rest.

const MAX_STACKS_OPEN = 3;
const MAX_FRAMES = 500;
/** The largest number of functions in a recursion that is detected. */
const MAX_CYCLE = 16;
/** Fewer repetitions are not collapsed. */
const MIN_TIMES = 4;
const MAX_ROWS = 1000;
const MAX_TEXT = 5000;

/** The parts of one process's dump, as an element. */
function evidence(process, page) {
  return h(
    "article",
    { id: `process-${process.index}`, "aria-label": process.name },
    errorSection(process, page),
    notesSection(process),
    crashSection(process),
    stacksSection(process, page),
    notedSection(process, page),
    threadsSection(process, page),
    spansSection(process, page),
    detailsSection(process),
  );
}

function errorSection(process, page) {
  const { raw } = process;
  const reason = asText(asObject(raw.reason).message);
  const linked = new Set();
  const tree = raw.error && errorList([asObject(raw.error)], process, page, linked, 0);
  const isRepeated = oneLine(reason, 300) === process.headline;
  return section(
    `error-${process.index}`,
    tree ? "Error" : "Reason",
    null,
    (!tree || !isRepeated) && h("p", { class: "message" }, visible(cut(reason, MAX_TEXT)) || "no message"),
    tree,
    alsoList(process, page),
  );
}

/** Other triggers while the dump waited for look-ahead, with stacks. */
function alsoList(process, page) {
  const also = asList(process.raw.also).map(asObject);
  const items = also.slice(0, 64).map((trigger) => {
    const item = h("details", { class: "stack" }, h("summary", { tabindex: 0 }, h("h3", {}, `${oneLine(asText(trigger.kind), 40)}: ${firstLine(asText(trigger.message), 500)}`)));
    const build = () => {
      if (item.childElementCount > 1) return;
      const at = parseTime(trigger.at);
      const stacks = asList(trigger.stack_traces).map(asObject);
      const parts = [
        isTime(at) && h("p", { class: "aside" }, absoluteTime(at)),
        trigger.error && errorList([asObject(trigger.error)], process, page, new Set(process.stacks), 0),
        ...stacks.slice(0, 16).flatMap((stack) => frameList(asList(stack.frames).map(asObject), process, page)),
      ];
      item.append(...parts.filter(Boolean));
    };
    item.addEventListener("toggle", () => item.open && build());
    return item;
  });
  return items.length > 0 && [h("p", { class: "muted" }, "Also triggered the dump:"), ...items];
}

/** A list of joined errors. A chain of single causes stays at one depth, so that only joins are indented. */
function errorList(errors, process, page, linked, depth) {
  const items = [];
  for (const first of errors.slice(0, 256)) {
    let error = first;
    let isCause = false;
    let sources;
    const chain = [];
    do {
      sources = asList(error.sources).map(asObject);
      chain.push(errorLine(error, isCause, process, page, linked));
      isCause = true;
      error = sources[0];
    } while (sources.length === 1 && chain.length < 256);
    const below = sources.length > 0 && depth < 60 && errorList(sources, process, page, linked, depth + 1);
    items.push(h("li", {}, chain, below));
  }
  if (errors.length > items.length) items.push(h("li", {}, `… ${count(errors.length - items.length, "more error")}`));
  return h("ul", { class: "errors" }, items);
}

function errorLine(error, isCause, process, page, linked) {
  const message = asText(error.message);
  const start = firstLine(message);
  const stack = process.stacks.find(
    (candidate) => !linked.has(candidate) && candidate.error !== "" && firstLine(candidate.error) === start,
  );
  if (stack) linked.add(stack);
  const location = asObject(error.location);
  return h(
    "div",
    { class: "error" },
    isCause && h("span", { class: "muted" }, "caused by "),
    h("span", { class: `message${message.includes("\n") ? " lines" : ""}` }, visible(cut(message, MAX_TEXT)) || "(no message)"),
    h(
      "span",
      { class: "aside" },
      place(location, process) && h("code", { title: fullPlace(location) }, place(location, process)),
      stack && linkTo(`stack ${stack.number + 1}`, () => page.showStack(stack, process)),
    ),
  );
}

function linkTo(label, onclick, properties) {
  return button(label, onclick, { class: "link", ...properties });
}

function notesSection(process) {
  const { raw } = process;
  const notes = asList(raw.notes).map(asText).filter(Boolean);
  const evicted = asNumber(raw.evicted_logs);
  const suppressed = asNumber(raw.suppressed_dumps);
  const omitted = asNumber(raw.omitted_stack_traces);
  if (evicted) notes.push(`Evicted from the log: ${count(evicted, "older record")}.`);
  if (suppressed) notes.push(`Counted, but not dumped: ${count(suppressed, "earlier failure")}.`);
  if (omitted) notes.push(`Left out of the dump: ${count(omitted, "stack")}.`);
  if (asText(raw.schema) !== "flightrec/1") {
    notes.push(`The dump has the schema ${oneLine(asText(raw.schema), 100)}; this page supports flightrec/1 and shows what it can read.`);
  }
  if (notes.length === 0) return null;
  const items = notes.slice(0, MAX_ROWS).map((note) => h("li", {}, visible(cut(note, MAX_TEXT))));
  return section(`notes-${process.index}`, "Notes of the recorder", null, h("ul", {}, items));
}

function crashSection(process) {
  const { crash } = process;
  if (!crash) return null;
  const rebooted = crash.rebooted === true ? "yes" : crash.rebooted === false ? "no" : "";
  const number = asText(crash.signal);
  return section(
    `crash-${process.index}`,
    "Crash",
    null,
    facts([
      ["Signal", [oneLine(asText(crash.signal_name), 100), number && `(${oneLine(number, 100)})`].filter(Boolean).join(" ")],
      ["Code (si_code)", oneLine(asText(crash.code), 100)],
      ["Address", oneLine(asText(crash.fault_address), 100)],
      ["The stack ended", oneLine(asText(crash.stack_ended), 500)],
      ["Last record", isTime(parseTime(crash.last_record_at)) ? absoluteTime(parseTime(crash.last_record_at)) : ""],
      ["Noticed", isTime(process.createdAt) ? absoluteTime(process.createdAt) : ""],
      ["Machine restarted since", rebooted],
      ["Damaged records", asNumber(crash.damaged_records) ? grouped(crash.damaged_records) : ""],
    ]),
  );
}

// Stacks

/** Texts for the innermost frame of the program and for the stack, by where the stack was captured. */
const ORIGINS = table({
  creation: ["created here", "captured where the error was created"],
  conversion: ["handed over here", "captured where the error was converted or handed over, not where it was created"],
  foreign: ["created here", "captured by another error crate"],
  panic: ["panicked here", "captured in the panic hook"],
  caller: ["called here", "captured where the dump was made"],
  crash: ["crashed here", "captured in the signal handler"],
});

function stacksSection(process, page) {
  const { stacks } = process;
  const items = stacks.slice(0, 256).map((stack) => stackItem(stack, process, page));
  return section(`stacks-${process.index}`, stacks.length === 1 ? "Stack" : "Stacks", stacks.length > 1 && grouped(stacks.length), items);
}

function stackItem(stack, process, page) {
  const [here, captured] = ORIGINS.get(stack.origin) ?? ["", ""];
  const item = h("details", { class: "stack", id: `stack-${process.index}-${stack.number}` });
  const number = process.stacks.length > 1 ? `${stack.number + 1}. ` : "";
  item.append(
    h("summary", { tabindex: 0 }, h("h3", {}, number + (firstLine(stack.error, 500) || "a stack without an error"))),
  );
  // Building 256 stacks takes a while, so each is built when it is opened.
  item.addEventListener("toggle", () => item.open && build());
  const build = () => {
    if (item.childElementCount > 1) return;
    const parts = [
      h(
        "p",
        { class: "aside" },
        stack.type && h("code", {}, oneLine(stack.type, 300)),
        captured && h("span", {}, captured),
      ),
      h(
        "p",
        { class: "actions" },
        stack.mark && button("Record before it", () => page.showRecord(stack.recordBefore)),
        !stack.mark && stack.logSeq !== null && h("span", { class: "muted" }, "The record before it is not in the dump."),
        button("Copy stack", () => copy(stackText(stack.error, stack.frames), "the stack")),
      ),
      ...frameList(stack.frames, process, page, here),
      stack.trail.length > 0 &&
        h(
          "p",
          { class: "trail" },
          h("span", { class: "muted" }, "propagated through "),
          stack.trail
            .slice(0, MAX_FRAMES)
            .flatMap((location, n) => [n > 0 && " → ", h("code", { title: fullPlace(location) }, place(location, process) || "?")]),
        ),
    ];
    item.append(...parts.filter(Boolean));
  };
  stack.item = item;
  stack.build = build;
  if (stack.number < MAX_STACKS_OPEN) {
    item.open = true;
    build();
  }
  return item;
}

/** Finds recursions: ranges of frames that repeat the frames before them, by the number of the first. */
function repetitions(visible) {
  const found = new Map();
  const isSame = (at, other) =>
    asText(visible[at].frame.address) === asText(visible[other].frame.address) &&
    asText(visible[at].frame.name) === asText(visible[other].frame.name);
  for (let at = 0; at < visible.length; at += 1) {
    for (let cycle = 1; cycle <= MAX_CYCLE; cycle += 1) {
      let end = at + cycle;
      while (end < visible.length && isSame(end, end - cycle)) end += 1;
      const times = Math.floor((end - at) / cycle);
      if (times < MIN_TIMES) continue;
      const which = cycle === 1 ? "the frame above" : `the ${cycle} frames above`;
      const last = at + cycle * times - 1;
      found.set(visible[at + cycle].number, {
        text: `… ${which} ${grouped(times - 1)} more times`,
        last: visible[last].number,
      });
      at = last;
      break;
    }
  }
  return found;
}

/** The list of frames. Frames of the runtime are hidden and counted. */
function frameList(frames, process, page, here = "") {
  const isNoise = (frame) => frame.noise === true;
  // If no frame is known to belong to the program, all are shown.
  const hidden = frames.every(isNoise) ? 0 : frames.filter(isNoise).length;
  const marked = frames.findIndex((frame) => !isNoise(frame));
  const list = h("ol", { class: "frames", start: 0 });
  const isHidden = (frame) => hidden > 0 && isNoise(frame);
  const repeated = repetitions(frames.map((frame, number) => ({ frame, number })).filter(({ frame }) => !isHidden(frame)));
  let shown = 0;
  let number = 0;
  for (; number < frames.length && shown < MAX_FRAMES; number += 1) {
    const again = repeated.get(number);
    if (again) {
      list.append(h("li", { class: "frame again muted" }, again.text));
      number = again.last;
    } else {
      list.append(frameItem(frames[number], number, number === marked ? here : "", isHidden(frames[number]), page, process));
    }
    shown += 1;
  }
  const parts = [unnamedNote(frames, process), list];
  if (number < frames.length) parts.push(h("p", { class: "muted" }, `… ${count(frames.length - number, "more frame")}`));
  if (hidden > 0) {
    const toggle = button(`Show ${count(hidden, "hidden frame")} of the runtime`, () => {
      const isShown = list.classList.toggle("all");
      toggle.setAttribute("aria-pressed", isShown);
      toggle.textContent = `${isShown ? "Hide" : "Show"} ${count(hidden, isShown ? "frame" : "hidden frame")} of the runtime`;
    }, { class: "link noise-toggle", "aria-pressed": "false" });
    parts.push(toggle);
  }
  return parts.filter(Boolean);
}

function isNamed(frame) {
  const name = asText(frame.name);
  return name !== "" && name !== "<unknown>";
}

/** Explains a stack that has only addresses, and how to get names. */
function unnamedNote(frames, process) {
  const own = frames.filter((frame) => frame.noise !== true);
  if (own.length === 0 || own.some(isNamed)) return null;
  const path = asText(own[0].module);
  const module = asList(process.raw.modules).map(asObject).find((candidate) => asText(candidate.name) === path);
  const buildId = oneLine(asText(module?.build_id), 100);
  return h(
    "p",
    { class: "hint" },
    `The program has no symbols${buildId && ` (build-id ${buildId})`}. To add names from its unstripped binary, run `,
    h("code", {}, `flightrec symbolicate ${oneLine(process.file, 200)} --binary FILE`),
  );
}

function frameItem(frame, number, here, isHidden, page, process) {
  const name = asText(frame.name).replace(/::h[0-9a-f]{16}$/, "") || "<unknown>";
  const [path, last] = splitName(name);
  const where = place(frame, process);
  const module = asText(frame.module).split(/[\\/]/).at(-1);
  const source = page.source(process, frame);
  return h(
    "li",
    { class: `frame${here && " marked"}${frame.noise === true ? " noise" : ""}${isHidden ? " hidden" : ""}` },
    h(
      "div",
      { class: "frame-line" },
      h("span", { class: "number", "aria-hidden": "true" }, number),
      h(
        "code",
        { class: "name" },
        h("span", { class: "muted" }, oneLine(path, 1000)),
        oneLine(last, 400),
        here && h("span", { class: "badge" }, here),
      ),
      h(
        "code",
        { class: "place", title: fullPlace(frame) || oneLine(asText(frame.module), 1000) },
        where || oneLine(`${module}+${asText(frame.address)}`, 200),
      ),
      button("Copy", () => copy(frameText(frame, number), `frame ${number}`), { class: "link copy", "aria-label": `Copy frame ${number}` }),
    ),
    source && sourceLines(source, here !== ""),
  );
}

/** A function's name in two parts: its modules, and the short name. */
function splitName(name) {
  const starts = [];
  let depth = 0;
  for (let at = 0; at < name.length; at += 1) {
    const char = name[at];
    if ("<({[".includes(char)) depth += 1;
    else if (")}]".includes(char) || (char === ">" && name[at - 1] !== "-")) depth -= 1;
    else if (depth === 0 && char === ":" && name[at + 1] === ":") starts.push((at += 1) + 1);
  }
  // A closure has the name of the enclosing function.
  while (starts.length > 1 && /^\{/.test(name.slice(starts.at(-1)))) starts.pop();
  const start = starts.at(-1) ?? 0;
  return [name.slice(0, start), name.slice(start)];
}

function sourceLines(source, isOpen) {
  return h(
    "details",
    { class: "source", open: isOpen },
    h("summary", {}, "Source", h("span", { class: "muted" }, " from the machine that made this page, not from the dump")),
    source.doubt && h("p", { class: "hint" }, source.doubt),
    h(
      "pre",
      { tabindex: 0, role: "group", "aria-label": "Source lines" },
      asList(source.lines).map((line, n) => {
        const number = source.first + n;
        const isMeant = number === source.line;
        const text = `${isMeant ? ">" : " "} ${String(number).padStart(5)} │ ${visible(asText(line))}\n`;
        return isMeant ? h("mark", {}, text) : text;
      }),
    ),
  );
}

function frameText(frame, number) {
  const name = visible(asText(frame.name));
  const where = asText(frame.file) ? fullPlace(frame) : visible(`${asText(frame.module)}+${asText(frame.address)}`);
  return `${String(number).padStart(3)}: ${name}\n             at ${where}`;
}

function stackText(title, frames) {
  return [visible(title), ...frames.map(frameText)].join("\n");
}

// Noted errors

/** Errors that the program handled before the failure, the newest first. */
function notedSection(process, page) {
  const all = asList(process.raw.noted_errors).map(asObject).reverse();
  const omitted = asNumber(process.raw.omitted_noted_errors);
  const items = all.slice(0, 256).map((noted) => notedItem(noted, process, page));
  if (omitted) items.push(h("p", { class: "muted" }, `… ${count(omitted, "more noted error")}`));
  return section(`noted-${process.index}`, "Errors handled before the failure", all.length > 1 && grouped(all.length), items);
}

function notedItem(noted, process, page) {
  const error = asObject(noted.error);
  const times = asNumber(noted.count);
  const [first, last] = [noted.first_at, noted.last_at].map(parseTime);
  const when = isTime(last) ? absoluteTime(last) : "";
  const item = h(
    "details",
    { class: "stack" },
    h(
      "summary",
      { tabindex: 0 },
      h("h3", {}, times > 1 && h("span", { class: "badge" }, `${grouped(times)} ×`), firstLine(asText(error.message), 500) || "an error without a message"),
    ),
  );
  const build = () => {
    if (item.childElementCount > 1) return;
    const location = asObject(noted.noted_at);
    const stacks = asList(noted.stack_traces).map(asObject);
    const parts = [
      h(
        "p",
        { class: "aside" },
        h("code", { title: fullPlace(location) }, place(location, process)),
        h("span", {}, times > 1 && isTime(first) ? `${absoluteTime(first)} to ${when}` : when),
        h("span", {}, oneLine(asText(noted.thread), 60)),
      ),
      errorList([error], process, page, new Set(process.stacks), 0),
      ...stacks.slice(0, 16).flatMap((stack) => frameList(asList(stack.frames).map(asObject), process, page)),
    ];
    item.append(...parts.filter(Boolean));
  };
  item.addEventListener("toggle", () => item.open && build());
  return item;
}

// Threads

/** The threads, grouped by stack: the crashed one first, then the rarest stacks. */
function threadsSection(process, page) {
  const threads = asList(process.raw.threads).map(asObject);
  const groups = new Map();
  for (const thread of threads) {
    const frames = asList(thread.frames).map(asObject);
    const stack = frames.map((frame) => `${asText(frame.address)} ${asText(frame.name)}`).join("\n");
    const key = `${thread.crashed === true} ${asText(thread.stack_ended)} ${stack}`;
    if (!groups.has(key)) groups.set(key, { frames, threads: [], crashed: thread.crashed === true, ended: asText(thread.stack_ended) });
    groups.get(key).threads.push(thread);
  }
  const sorted = [...groups.values()].sort((a, b) => b.crashed - a.crashed || a.threads.length - b.threads.length);
  const note = `${grouped(threads.length)}${groups.size < threads.length ? `, ${count(groups.size, "different stack")}` : ""}`;
  return section(`threads-${process.index}`, "Threads", note, sorted.slice(0, 256).map((group) => threadGroup(group, process, page)));
}

function threadGroup(group, process, page) {
  const names = group.threads.map((thread) => oneLine(asText(thread.name) || `thread ${asText(thread.id)}`, 60));
  const states = [...new Set(group.threads.map((thread) => oneLine(asText(thread.state), 40)).filter(Boolean))];
  const shown = names.slice(0, 4).join(", ") + (names.length > 4 ? ` and ${grouped(names.length - 4)} more` : "");
  const top = group.frames.find((frame) => frame.noise !== true && isNamed(frame));
  const item = h(
    "details",
    { class: "stack" },
    h(
      "summary",
      {},
      h("h3", {}, group.threads.length > 1 && h("span", { class: "badge" }, `${grouped(group.threads.length)} ×`), shown),
      group.crashed && h("span", { class: "badge failed" }, "crashed"),
      states.length > 0 && h("span", { class: "muted" }, states.join(", ")),
      top && h("code", { class: "muted top" }, oneLine(splitName(asText(top.name))[1], 100)),
    ),
  );
  const build = () => {
    if (item.childElementCount > 1) return;
    const ids = group.threads.map((thread, n) => `${names[n]} (${asText(thread.id)})`);
    const parts = [
      h("p", { class: "aside" }, cut(ids.join(", "), MAX_TEXT)),
      group.ended && h("p", { class: "hint" }, `The stack ended: ${oneLine(group.ended, 500)}`),
      h("p", { class: "actions" }, button("Copy stack", () => copy(stackText(shown, group.frames), "the stack"))),
      ...frameList(group.frames, process, page),
    ];
    item.append(...parts.filter(Boolean));
  };
  item.addEventListener("toggle", () => item.open && build());
  if (group.crashed) {
    item.open = true;
    build();
  }
  item.build = build;
  return item;
}

// Spans

function spansSection(process, page) {
  const spans = [...process.spans.values()];
  if (spans.length === 0) return null;
  const rows = spans.slice(0, MAX_ROWS).map((span) => {
    const fields = Object.entries(asObject(span.raw.fields)).map(([key, value]) => `${key}=${fieldText(value)}`);
    const isClosed = isTime(span.closedAt);
    const took = isTime(span.openedAt) && isClosed ? duration(span.closedAt - span.openedAt) : "";
    const name = h("td", {}, linkTo(span.name, () => page.filterBySpan(process, span), { title: "Show only its records" }));
    name.style.paddingInlineStart = `${Math.min(span.path.length - 1, 12) * 1.2 + 0.4}em`;
    return h(
      "tr",
      {},
      name,
      h("td", { class: "fields" }, oneLine(fields.join(" "), 300)),
      h("td", { class: "figure" }, relativeTime(span.openedAt, process.failedAt)),
      h("td", { class: "figure" }, took || (isTime(span.openedAt) ? "open" : "")),
      h("td", { class: "figure" }, grouped(span.records)),
    );
  });
  const heads = ["Span", "Fields", "Opened", "Took", "Records"].map((head, n) => h("th", { scope: "col", class: n > 1 && "figure" }, head));
  return section(
    `spans-${process.index}`,
    "Spans",
    grouped(spans.length),
    // Closed by default, because each span would be a tab stop.
    h(
      "details",
      { class: "part" },
      h("summary", {}, h("h3", {}, "Table of spans")),
      scrollable("Spans", h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows))),
    ),
  );
}

function scrollable(label, table) {
  return h("div", { class: "scrollable", role: "region", tabindex: 0, "aria-label": label }, table);
}

// Details

/** The last values of the gauges, and memory as a curve. */
function gaugeFacts(raw) {
  const gauges = asList(raw.gauges).map(asObject);
  const last = gauges.at(-1);
  if (!last) return null;
  const mib = (bytes) => `${(bytes / 1048576).toFixed(1)} MiB`;
  const known = (value, show) => (asNumber(value) ? show(asNumber(value)) : "");
  const memory = gauges.map((gauge) => asNumber(gauge.resident_bytes) ?? 0);
  const most = Math.max(1, ...memory);
  const curve = memory.slice(-120).map((bytes) => "▁▂▃▄▅▆▇█"[Math.round((bytes / most) * 7)] ?? "").join("");
  return facts([
    ["Resident memory", known(last.resident_bytes, mib)],
    ["Second by second", memory.length > 1 ? `${curve} ${mib(memory[0])} to ${mib(memory.at(-1))}` : ""],
    ["Memory of its cgroup", known(last.cgroup_bytes, (used) => `${mib(used)} of ${known(last.cgroup_limit_bytes, mib)}`)],
    ["Threads", known(last.threads, grouped)],
    ["Open files", known(last.open_files, grouped)],
    ["Processor time", known(last.cpu_ms, (ms) => `${(ms / 1000).toFixed(2)} s`)],
    ["Memory pressure (PSI)", known(last.memory_pressure, (share) => `${share} %`)],
    ["CPU pressure (PSI)", known(last.cpu_pressure, (share) => `${share} %`)],
    ["I/O pressure (PSI)", known(last.io_pressure, (share) => `${share} %`)],
  ]);
}

function detailsSection(process) {
  const { raw } = process;
  const about = asObject(raw.process);
  const host = asObject(raw.host);
  const pairs = (object) => Object.entries(asObject(object)).slice(0, MAX_ROWS).map(([key, value]) => [oneLine(key, 200), visible(cut(fieldText(value), MAX_TEXT))]);
  const others = Object.fromEntries(Object.entries(raw).filter(([key]) => !KNOWN_KEYS.has(key)));
  const modules = asList(raw.modules).map(asObject);
  const suppressed = asList(raw.suppressed).map(asObject);
  const part = (title, ...content) => {
    const known = content.filter(Boolean);
    return known.length > 0 && h("details", { class: "part" }, h("summary", {}, h("h3", {}, title)), known);
  };
  return section(
    `details-${process.index}`,
    "Details",
    null,
    part(
      "Process and machine",
      facts([
        ["Program", `${process.app} ${process.version}`.trim()],
        ["Revision", oneLine(asText(raw.revision), 200)],
        ["Process id", oneLine(process.pid, 40)],
        ["Executable", oneLine(asText(about.executable), 1000)],
        ["Arguments", oneLine(asList(about.args).map(asText).map(fieldText).join(" "), MAX_TEXT)],
        ["Failed thread", oneLine(process.failedThread, 200)],
        ["Recording since", isTime(process.startedAt) && process.startedAt > 0 ? absoluteTime(process.startedAt) : ""],
        ["Dump made", isTime(process.createdAt) ? absoluteTime(process.createdAt) : ""],
        ["System", [asText(host.os), asText(host.arch)].map((text) => oneLine(text, 40)).filter(Boolean).join(", ")],
        ["Processors", asNumber(host.cpus) ? grouped(host.cpus) : ""],
        ["Fingerprint", oneLine(asText(raw.fingerprint), 200)],
        ["File", oneLine(process.file, 300)],
      ]),
    ),
    part("Resources of the process", gaugeFacts(raw)),
    part("Metadata", facts(pairs(raw.metadata))),
    part("Redactions", facts(pairs(raw.redactions).map(([rule, number]) => [rule, `${number} masked`]))),
    part(
      `Modules (${grouped(modules.length)})`,
      modules.length > 0 && facts(modules.slice(0, MAX_ROWS).map((module) => [oneLine(asText(module.name), 500), oneLine(asText(module.build_id), 100) || "no build-id"])),
    ),
    part(
      "Failures that were not dumped",
      facts(suppressed.slice(0, MAX_ROWS).map((one) => [`${absoluteTime(parseTime(one.at))}${asNumber(one.count) > 1 ? `, ${count(one.count, "time")}` : ""}`, oneLine(asText(one.message), 500)])),
    ),
    part("Other dumps of this failure", asList(raw.related_dumps).length > 0 && h("ul", {}, asList(raw.related_dumps).slice(0, MAX_ROWS).map((name) => h("li", {}, h("code", {}, oneLine(asText(name), 300)))))),
    part("Other keys", Object.keys(others).length > 0 && h("pre", { tabindex: 0, role: "group", "aria-label": "Other keys" }, visible(cut(asJson(others, 1), 20_000)))),
    h("p", { class: "actions" }, button("Save the dump as JSON", () => save(process.json, /\.json$/.test(process.file) ? process.file : "dump.json"))),
  );
}
