// Elements. Text from a dump becomes text nodes and attributes that are not interpreted.

/** Makes an element; children that are false, null or undefined are left out. */
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

/** A section with a heading, or nothing if it would be empty. */
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

/** A table of names and values; rows without a value are left out. */
function facts(rows) {
  const known = rows.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  if (known.length === 0) return null;
  return h(
    "dl",
    { class: "facts" },
    known.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/** Tells everybody, those who use a screen reader included, what was done. */
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
    // Some browsers have no clipboard for pages from files.
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

/** Saves text as a file of the reader's. */
function save(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Whether keys that scroll or move should stay with the element. */
function isTyping(element) {
  return element instanceof HTMLElement && element.matches("input, select, textarea");
}

/** Moves the focus to an element that is scrolled into view. */
function goTo(element) {
  if (!element) return;
  for (let outer = element; outer; outer = outer.parentElement) {
    if (outer instanceof HTMLDetailsElement) outer.open = true;
  }
  element.scrollIntoView({ block: "start" });
  element.focus({ preventScroll: true });
}
