// Opens the pages in Chromium and uses them like a person.
//
// node page.mjs MODULES DIR: MODULES has the npm packages; DIR has the dumps and their pages.
// Screenshots are saved in DIR.

import assert from "node:assert/strict";
import { readFileSync, readdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, dir] = process.argv.slice(2).map((path) => resolve(path));
const require = createRequire(join(modules, "x"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const profile = mkdtempSync(join(tmpdir(), "flightrec-page-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium",
  headless: true,
  args: ARGS,
  viewport: { width: 1440, height: 900 },
  colorScheme: "light",
});
// Stores copied text in a variable: a headless browser does not always have a clipboard.
await browser.addInitScript(() => {
  navigator.clipboard.writeText = async (text) => {
    globalThis.copied = text;
  };
});

/** Opens a page; whatever it requests or reports is collected. */
async function open(name, options = {}) {
  const page = await browser.newPage();
  const url = pathToFileURL(join(dir, `${name}.html`)).href;
  page.trouble = [];
  page.on("console", (message) => page.trouble.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => page.trouble.push(`error: ${error.stack}`));
  page.on("dialog", (dialog) => {
    page.trouble.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.url() !== url) page.trouble.push(`request: ${request.url()}`);
  });
  await page.emulateMedia({ colorScheme: options.dark ? "dark" : "light" });
  await page.setViewportSize(options.size ?? { width: 1440, height: 900 });
  await page.goto(url);
  await page.waitForFunction(() => performance.getEntriesByName("ready").length > 0, null, { timeout: 20_000 });
  return page;
}

let failed = 0;
async function check(what, test) {
  try {
    await test();
    console.log(`  yes ${what}`);
  } catch (error) {
    failed += 1;
    console.log(`  NO  ${what}: ${error.stack}`);
  }
}

/** A check of one page, which must not report or request anything. */
function checkPage(what, name, test, options) {
  return check(what, async () => {
    const page = await open(name, options);
    try {
      await test(page);
      assert.deepEqual(page.trouble, []);
    } finally {
      await page.close();
    }
  });
}

const text = (page, selector) => page.locator(selector).textContent();
const countOf = async (page) => Number((await text(page, "#log-count")).replace(/ .*|,/g, ""));
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
const filterTimes = (page) => page.evaluate(() => performance.getEntriesByName("filter").map((entry) => entry.duration));

async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join("\n")}`);
}

const large = JSON.parse(readFileSync(join(dir, "large.json"), "utf8"));
const records = large.latest_logs;

await checkPage("100,000 records are shown, and only the rows in view are built", "large", async (page) => {
  assert.equal(await countOf(page), records.length);
  assert.ok((await page.locator(".log-rows .row").count()) < 150);
  assert.equal(await text(page, "h1"), large.error.message);
  assert.equal(await page.title(), "tileserver 2.4.1 – cannot render the map of Lisbon");
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  const ready = await page.evaluate(() => performance.getEntriesByName("ready")[0].startTime);
  console.log(`      first paint after ${paint} ms, all of it after ${Math.round(ready)} ms`);
});

await checkPage("the log is filtered", "large", async (page) => {
  const expect = async (what, matches) => assert.equal(await countOf(page), records.filter(matches).length, what);
  const clear = () => page.getByRole("button", { name: "Clear" }).click();
  await page.getByLabel("Level").selectOption("WARN and above");
  await expect("level", (record) => ["ERROR", "WARN"].includes(record.level));
  await clear();
  await page.getByLabel("Text").fill("RESET by peer");
  assert.equal(await countOf(page), 0, "a capital letter makes the search exact");
  await page.getByLabel("Text").fill("reset by peer");
  await expect("text", (record) => record.msg.includes("reset by peer"));
  await page.getByLabel("Text").fill("/took \\d{4} ms/");
  await expect("regular expression", (record) => /took \d{4} ms/.test(record.msg));
  await page.getByLabel("Text").fill("/took (/");
  assert.match(await text(page, "#filter-problem"), /Unterminated group/);
  assert.equal(await page.getByLabel("Text").getAttribute("aria-invalid"), "true");
  await page.getByLabel("Text").fill("bytes=12345");
  await expect("field", (record) => String(record.fields.bytes).startsWith("12345"));
  await clear();
  await page.getByLabel("Target").fill("tileserver");
  await expect("target", (record) => record.target.startsWith("tileserver::"));
  await clear();
  await page.getByLabel("Thread", { exact: true }).selectOption({ index: 1 });
  const thread = (await page.locator("#filter-thread option:checked").textContent()).replace(/ .*/, "");
  await expect("thread", (record) => record.thread === thread);
  await clear();
  await page.getByLabel("Span", { exact: true }).selectOption({ index: 1 });
  const inner = large.spans.filter((span) => span.parent === 1).map((span) => span.id);
  await expect("span", (record) => record.span === 1 || inner.includes(record.span));
  await clear();
  assert.equal(await countOf(page), records.length);
  const times = await filterTimes(page);
  console.log(`      ${times.length} filters took ${times.map((time) => Math.round(time)).join(", ")} ms`);
});

await checkPage("span ids that JavaScript would round are distinguished", "several", async (page) => {
  await page.getByLabel("Span", { exact: true }).selectOption({ index: 1 });
  const json = readFileSync(join(dir, "server.json"), "utf8");
  assert.equal(await countOf(page), json.split(`"span":${(1n << 60n) + 1n},`).length - 1);
});

await checkPage("a stack links to the record before it, and the record to the stack", "large", async (page) => {
  await page.getByRole("button", { name: "stack 1", exact: true }).click();
  assert.match(await focused(page), /^1\. tile 12\/1946\/1567: connection reset by peer/);
  await page.locator(".stack").first().getByRole("button", { name: "Record before it" }).click();
  assert.equal(await focused(page), "log-grid");
  const row = page.locator(`#${await page.locator("#log-grid").getAttribute("aria-activedescendant")}`);
  const record = records.find((record) => record.seq === large.stack_traces[0].log_seq);
  assert.ok((await row.textContent()).includes(record.msg));
  assert.match(await text(page, "#record-title"), new RegExp(`Record ${record.seq}`));
  await page.locator("#record").getByRole("button", { name: /^Stack 1/ }).click();
  assert.match(await focused(page), /^1\. tile/);
  // The mark below the record links to the stack, too.
  await page.locator(".log-rows .row.mark.created").first().click();
  assert.match(await focused(page), /^1\. tile/);
});

await checkPage("consecutive equal records are one row", "polling", async (page) => {
  const { latest_logs: logs } = JSON.parse(readFileSync(join(dir, "polling.json"), "utf8"));
  assert.equal(await countOf(page), logs.length);
  // Two rows for 40 records, because an error was created between them; two marks, and the head.
  assert.equal(await page.locator("#log-grid").getAttribute("aria-rowcount"), String(logs.length - 38 + 2 + 1));
  await page.getByLabel("Text").fill(logs[100].msg);
  const runs = page.locator(".log-rows .row", { hasText: "×20 until" });
  assert.equal(await runs.count(), 2);
  await runs.nth(1).click();
  assert.match(await text(page, "#record-title"), new RegExp(`^Record ${logs[120].seq}`));
  assert.match(await text(page, "#record"), new RegExp(`20 equal records in a row: ${logs[120].seq} to ${logs[139].seq}`));
  assert.match(await text(page, "#record"), /total18446744073709551615/, "a large number is not rounded");
  // A stack links to the record before it, which is the last of its row.
  await page.locator(".stack").first().getByRole("button", { name: "Record before it" }).click();
  assert.match(await text(page, "#record-title"), new RegExp(`^Record ${logs[119].seq}`));
  await page.getByRole("button", { name: "Copy", exact: true }).click();
  assert.equal((await page.evaluate(() => globalThis.copied)).trimEnd().split("\n").length, await countOf(page));
});

await checkPage("the timeline's marks link to the log and the stacks", "several", async (page) => {
  assert.equal(await page.locator("#timeline .lane-group").count(), 3);
  assert.equal(await page.locator("#timeline .marks button").count(), 7);
  await page.getByRole("button", { name: "Times: relative" }).click();
  await page.getByRole("toolbar").getByRole("button", { name: /style `night`/ }).click();
  assert.match(await focused(page), /^2\. style `night`: no such file/);
  await page.getByRole("group", { name: "Length of time shown" }).getByRole("button", { name: "10 ms" }).click();
  assert.ok((await page.locator("#timeline .marks button").count()) < 7);
  const before = await countOf(page);
  await page.getByRole("button", { name: /^Thread tile-3/ }).click();
  assert.ok((await countOf(page)) < before);
});

await checkPage("several processes are shown", "several", async (page) => {
  const cards = page.getByRole("navigation", { name: "Processes" }).getByRole("button");
  assert.equal(await cards.count(), 3);
  await cards.filter({ hasText: "tilecache" }).click();
  assert.equal(await text(page, "h1"), "SIGSEGV at address 0x10");
  assert.match(await text(page, "#evidence"), /flightrec symbolicate crash\.json --binary FILE/);
  await page.getByLabel("Process", { exact: true }).selectOption({ label: "tilecache (4713)" });
  assert.equal(await countOf(page), 1);
});

await checkPage("equal stacks of threads are shown once", "large", async (page) => {
  assert.match(await text(page, "#threads-0-title"), /24, 2 different stacks/);
  assert.equal(await page.locator("#threads-0 .stack").count(), 2);
});

await checkPage("spans have bars in the timeline", "large", async (page) => {
  const drawn = await page.evaluate(() =>
    [...document.querySelectorAll("canvas.spans")].map((canvas) =>
      canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0),
    ),
  );
  assert.ok(drawn.length > 0);
  assert.deepEqual(drawn, drawn.map(() => true));
});

await checkPage("parts that a dump does not have are hidden", "crash", async (page) => {
  assert.doesNotMatch(await text(page, "#evidence"), /false|null|undefined/);
});

await checkPage("frames of the runtime are hidden and counted", "large", async (page) => {
  const stack = page.locator("#stack-0-0");
  assert.equal(await stack.locator(".frame:visible").count(), 3);
  await stack.getByRole("button", { name: "Show 2 hidden frames of the runtime" }).click();
  assert.equal(await stack.locator(".frame:visible").count(), 5);
});

await checkPage("a frame and the filtered log are copied", "large", async (page) => {
  await page.locator("#stack-0-0 .copy").first().click({ force: true });
  assert.equal(
    await page.evaluate(() => globalThis.copied),
    "  0: tileserver::fetch::read_body\n             at /home/ci/build/tileserver/src/fetch.rs:48:9",
  );
  assert.equal(await text(page, "#status"), "Copied frame 0");
  await page.getByLabel("Level").selectOption("ERROR");
  await page.locator(".filters").getByRole("button", { name: "Copy" }).click();
  const copied = await page.evaluate(() => globalThis.copied);
  const errors = records.filter((record) => record.level === "ERROR");
  assert.equal(copied.trimEnd().split("\n").length, errors.length);
  assert.ok(copied.startsWith(`${errors[0].time} ERROR ${errors[0].thread} ${errors[0].target}: ${errors[0].msg}`));
});

await checkPage("everything works by keyboard, and the focus is visible", "large", async (page) => {
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await press("?");
  assert.ok(await page.getByRole("dialog").isVisible());
  await press("Escape");
  assert.ok(!(await page.getByRole("dialog").isVisible()));
  await press("/");
  assert.equal(await focused(page), "filter-text");
  await page.keyboard.type("reset by peer");
  const found = records.filter((record) => record.msg.includes("reset by peer"));
  assert.equal(await countOf(page), found.length);
  await press("Escape");
  assert.equal(await focused(page), "log-grid");
  await press("Home", "ArrowDown", "Enter");
  assert.equal(await focused(page), `record-title`);
  assert.match(await text(page, "#record-title"), new RegExp(String(found[1].seq)));
  await press("l", "End");
  assert.match(await page.locator(".row[aria-selected=true]").textContent(), /^▲ Failure/);
  await press("E", "E", "Enter");
  assert.match(await focused(page), /^1\. tile/);
  await press("x", "f");
  assert.equal(await countOf(page), records.length);
  await press("s");
  assert.match(await focused(page), /^1\. tile/);
  await press("t");
  assert.equal(await focused(page), "timeline-title");
  // Tabs through the whole page: the focus is always visible.
  await page.mouse.click(2, 2);
  const stops = new Set();
  for (let n = 0; n < 250; n += 1) {
    await press("Tab");
    const stop = await page.evaluate(() => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      const isSeen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 && box.width > 0 && style.opacity !== "0";
      return element === document.body ? null : { isSeen, what: element.outerHTML.slice(0, 120) };
    });
    if (stop === null) break;
    assert.ok(stop.isSeen, stop.what);
    stops.add(stop.what);
  }
  assert.ok([...stops].some((stop) => stop.includes("log-grid")), "the log is reached");
  assert.ok([...stops].some((stop) => stop.includes("summary")), "the stacks are reached");
});

await checkPage("times are relative to the failure or absolute", "census", async (page) => {
  const time = () => page.locator(".log-rows .row .time").first().textContent();
  assert.equal(await time(), "−30.000s");
  await page.keyboard.press("r");
  assert.equal(await time(), "00:29:45.500000");
});

await checkPage("dark and light follow the system or the switch", "census", async (page) => {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.keyboard.press("d");
  const dark = await background();
  assert.notEqual(light, dark);
  await page.keyboard.press("d");
  assert.equal(await background(), light);
  await page.keyboard.press("d");
  await page.emulateMedia({ colorScheme: "dark" });
  assert.equal(await background(), dark);
});

await checkPage("it prints", "large", async (page) => {
  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
  assert.match(await text(page, ".printed"), new RegExp(records.at(-1).msg));
  assert.ok(await page.locator(".printed").isVisible());
  assert.ok(!(await page.locator("#log-grid").isVisible()));
  await page.pdf({ path: join(dir, "printed.pdf") });
});

await checkPage("no horizontal scrolling on a phone", "several", async (page) => {
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await page.screenshot({ path: join(dir, "phone.png"), fullPage: true });
  assert.deepEqual(await violations(page), []);
}, { size: { width: 390, height: 844 } });

for (const dark of [false, true]) {
  for (const name of ["large", "several", "crash", "census", "hostile-script", "hostile-types"]) {
    await checkPage(`axe finds nothing in ${name}${dark ? ", dark" : ""}`, name, async (page) => {
      await page.screenshot({ path: join(dir, `${name}-${dark ? "dark" : "light"}.png`) });
      assert.deepEqual(await violations(page), []);
      for (const closed of await page.locator("details:not([open]) > summary").all()) {
        if (await closed.isVisible()) await closed.click();
      }
      for (const more of await page.locator(".noise-toggle").all()) await more.click();
      assert.deepEqual(await violations(page), []);
      await page.keyboard.press("?");
      assert.deepEqual(await violations(page), []);
    }, { dark });
  }
}

// JSON from Rust has no lone surrogates; JSON from other writers may have.
const census = readFileSync(join(dir, "census.html"), "utf8");
writeFileSync(join(dir, "hostile-surrogates.html"), census.replaceAll("reading /srv", "\\ud800 \\udc00\\ud800").replace('"app": "census"', '"app": "\\udfff"'));

for (const file of readdirSync(dir).filter((name) => /^hostile-.*\.html$/.test(name))) {
  const name = file.replace(".html", "");
  await checkPage(`${name} does nothing`, name, async (page) => {
    assert.notEqual(await text(page, "h1"), "");
    assert.doesNotMatch(await text(page, "#when"), /could not/);
    for (const closed of await page.locator("details:not([open]) > summary").all()) {
      if (await closed.isVisible()) await closed.click();
    }
    for (const row of (await page.locator(".log-rows .row").all()).slice(0, 6)) await row.click();
    for (const key of ["f", "e", "E", "s", "t", "r", "l", "Home", "End", "Enter"]) await page.keyboard.press(key);
    await page.getByLabel("Text").fill("alert");
    await page.getByLabel("Text").fill("/alert|m/");
    await page.locator(".filters").getByRole("button", { name: "Copy" }).click();
    await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
    // No elements or attributes come from the dump.
    const foreign = await page.evaluate(() => {
      const elements = [...document.querySelectorAll("*")];
      const tags = elements.filter((element) => ["IMG", "IFRAME", "SVG", "B", "I", "OBJECT", "EMBED"].includes(element.tagName.toUpperCase()));
      const handlers = elements.filter((element) => [...element.attributes].some(({ name, value }) => name.startsWith("on") || (["href", "src"].includes(name) && !value.startsWith("#"))));
      return [...tags, ...handlers].map((element) => element.outerHTML);
    });
    assert.deepEqual(foreign, []);
    assert.equal(await page.evaluate(() => ({}).polluted), undefined);
    assert.equal(await page.locator("script").count(), 3);
    const shown = await page.evaluate(() => document.body.innerText);
    assert.doesNotMatch(shown, /[\u0000-\u0008\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])/);
  });
}

await browser.close();
rmSync(profile, { recursive: true, force: true });
if (failed > 0) {
  console.log(`${failed} checks of the page failed`);
  process.exit(1);
}
