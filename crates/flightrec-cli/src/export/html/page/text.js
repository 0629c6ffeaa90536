// Values of a dump as text. A dump is untrusted: any key may hold any type, and any text may hold
// control characters.

const asText = (value) =>
  typeof value === "string" ? value : ["number", "boolean", "bigint"].includes(typeof value) ? String(value) : "";
const asNumber = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);
const asList = (value) => (Array.isArray(value) ? value : []);
const asObject = (value) => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});

/** Characters that are invisible, change the direction of text or end a line. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;
const ALL_INVISIBLE = new RegExp(INVISIBLE.source, "gu");

/** Makes invisible characters visible, such as `\u{202e}`; keeps newlines and tabs. */
function visible(text) {
  if (!INVISIBLE.test(text)) return text;
  return text.replace(ALL_INVISIBLE, (char) =>
    char === "\n" || char === "\t" ? char : `\\u{${char.codePointAt(0).toString(16)}}`,
  );
}

/** The text on one line, with at most `most` characters. */
function oneLine(text, most = 2000) {
  return visible(cut(text, most)).replace(/\s*\n\s*/g, " ⏎ ");
}

function firstLine(text, most = 2000) {
  return oneLine(text.slice(0, 10_000).trimStart().split("\n", 1)[0], most);
}

/** The first `most` characters, and how many are missing. */
function cut(text, most) {
  if (text.length <= most) return text;
  const isPair = (text.charCodeAt(most - 1) & 0xfc00) === 0xd800;
  return `${text.slice(0, isPair ? most - 1 : most)} … (${count(text.length - most, "more character")})`;
}

/** A map whose keys may come from a dump. An object would have inherited keys, such as `constructor`. */
const table = (object) => new Map(Object.entries(object));

/** `1,204` */
function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 record`, `1,204 records` */
function count(number, noun) {
  return `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Indented JSON. The value may be nested too deep to be written. */
function asJson(value, indent) {
  try {
    return JSON.stringify(value, null, indent) ?? "";
  } catch {
    return "(nested too deep to be shown)";
  }
}

/** A field's value: text with spaces or quotes is quoted. */
function fieldText(value) {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value !== "string") return asJson(value);
  return value === "" || /[\s"=]/.test(value) ? JSON.stringify(value) : value;
}

// Times are numbers of microseconds since 1970; NaN if unknown.

const days = new Map();

/** Reads RFC 3339. `Date.parse` alone would drop the microseconds. */
function parseTime(value) {
  if (typeof value !== "string" || value.length > 40) return NaN;
  if (!value.endsWith("Z") || value[10] !== "T") return Date.parse(value) * 1000;
  const date = value.slice(0, 10);
  let day = days.get(date);
  if (day === undefined) {
    day = Date.parse(`${date}T00:00:00Z`) * 1000;
    days.set(date, day);
  }
  const seconds = +value.slice(11, 13) * 3600 + +value.slice(14, 16) * 60 + +value.slice(17, 19);
  const fraction = value[19] === "." ? Math.round(+value.slice(19, -1) * 1e6) : 0;
  return day + seconds * 1e6 + fraction;
}

const isTime = (time) => Number.isFinite(time) && Math.abs(time) <= 8.64e18;
const twoDigits = (number) => String(number).padStart(2, "0");

/** `2026-11-23 00:30:15.123456 UTC` */
function absoluteTime(time) {
  return isTime(time) ? `${dayOf(time)} ${clockTime(time)} UTC` : "unknown time";
}

function dayOf(time) {
  return isTime(time) ? new Date(Math.floor(time / 1000)).toISOString().replace(/T.*/, "") : "";
}

/** `00:30:15.123456` */
function clockTime(time) {
  if (!isTime(time)) return "";
  const micros = ((time % 1e6) + 1e6) % 1e6;
  const clock = new Date(Math.floor(time / 1000)).toISOString().slice(-13, -5);
  return `${clock}.${String(Math.floor(micros)).padStart(6, "0")}`;
}

/** `97µs`, `0.6ms`, `2.134s`, `16m40s`, `2h46m`, `1d03h` */
function duration(micros) {
  const size = Math.abs(micros);
  const seconds = Math.floor(size / 1e6);
  if (size < 100) return `${Math.round(size)}µs`;
  if (size < 99_950) return `${(size / 1e3).toFixed(1)}ms`;
  if (size < 999_500) return `${Math.round(size / 1e3)}ms`;
  if (seconds < 100) return `${(size / 1e6).toFixed(3)}s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)}m${twoDigits(seconds % 60)}s`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h${twoDigits(Math.floor(seconds / 60) % 60)}m`;
  return `${grouped(Math.floor(seconds / 86_400))}d${twoDigits(Math.floor(seconds / 3600) % 24)}h`;
}

/** `−2.134s`: the time relative to the failure. */
function relativeTime(time, failure) {
  const difference = time - failure;
  if (!Number.isFinite(difference)) return "";
  if (difference === 0) return "0";
  return (difference < 0 ? "−" : "+") + duration(difference);
}

/** `2.1 s before the failure` */
function fromFailure(time, failure) {
  const difference = time - failure;
  if (!Number.isFinite(difference)) return "";
  if (difference === 0) return "at the failure";
  return `${duration(difference)} ${difference < 0 ? "before" : "after"} the failure`;
}

/** A path without the directory of a toolchain or registry. */
function shortPath(path) {
  return path
    .replace(/^.*[\\/]rustc[\\/][0-9a-f]{6,}[\\/]/, "")
    .replace(/^.*[\\/]rustlib[\\/]src[\\/]rust[\\/]/, "")
    .replace(/^.*[\\/]registry[\\/]src[\\/][^\\/]+[\\/]/, "");
}

/** `src/main.rs:66`; relative to the build directory, if known. */
function place(location, process) {
  const file = asText(location.file);
  if (file === "") return "";
  const line = asNumber(location.line);
  const root = process.roots.find((root) => file.startsWith(root)) ?? "";
  return visible(cut(shortPath(file.slice(root.length)), 300)) + (line ? `:${line}` : "");
}

/** `/home/ci/app/src/main.rs:66:10` */
function fullPlace(location) {
  const numbers = [location.line, location.column].map(asNumber).filter((number) => number);
  return visible(cut([asText(location.file), ...numbers].join(":"), 1000));
}
