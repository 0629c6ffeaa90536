// Elements. Text from a dump is put only into text nodes and attributes that are not interpreted.

/** Creates an element. Children that are false, null or undefined are left out. */
function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child || child === 0 || child === ""));
  return element;
}

const byId = (id) => document.getElementById(id);

function button(label, onclick, properties = {}) {
  return h("button", { type: "button", onclick, ...properties }, label);
}

/** Creates a section with a heading, or nothing if it would be empty. */
function section(id, title, note, ...children) {
  const content = children.flat().filter(Boolean);
  if (content.length === 0) return null;
  return h(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    h("h2", { id: `${id}-title`, tabindex: -1 }, title, note && h("span", { class: "note" }, ` ${note}`)),
    ...content,
  );
}

/** Creates a table of names and values. Rows without a value are left out. */
function facts(rows) {
  const known = rows.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  if (known.length === 0) return null;
  return h(
    "dl",
    { class: "facts" },
    known.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/** Shows a message, which screen readers read aloud. */
function announce(text) {
  const status = byId("status");
  status.textContent = text;
  status.classList.add("shown");
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => status.classList.remove("shown"), 2500);
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Some browsers do not allow pages from files to use the clipboard.
    const area = h("textarea", { class: "offscreen", "aria-hidden": "true" });
    const focused = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    focused?.focus();
    if (!copied) return announce("The browser did not allow copying");
  }
  announce(`Copied ${what}`);
}

/** Lets the browser save text as a file. */
function save(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Whether the element itself uses keys. */
function isTyping(element) {
  return element instanceof HTMLElement && element.matches("input, select, textarea");
}

/** Scrolls an element into view and focuses it. */
function goTo(element) {
  if (!element) return;
  for (let outer = element; outer; outer = outer.parentElement) {
    if (outer instanceof HTMLDetailsElement) outer.open = true;
  }
  element.scrollIntoView({ block: "start" });
  element.focus({ preventScroll: true });
}
