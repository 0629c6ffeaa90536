// Masks texts with secretlint and its recommended rules.
//
// Usage: secretlint.mjs < TEXTS > RESULT; the formats are described in peers.py

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(`${process.cwd()}/node_modules/${name}/module/index.js`));
const { lintSource } = await load("@secretlint/core");
const { creator } = await load("@secretlint/secretlint-rule-preset-recommend");
const release = JSON.parse(
  readFileSync("node_modules/@secretlint/core/package.json", "utf8"),
).version;

const MASK = "[redacted]";

async function mask(text) {
  const found = await lintSource({
    source: { filePath: "app.log", content: text, ext: ".log", contentType: "text" },
    options: {
      config: { rules: [{ id: "@secretlint/secretlint-rule-preset-recommend", rule: creator }] },
    },
  });
  const ranges = found.messages.map((message) => message.range).sort((a, b) => a[0] - b[0]);
  let out = "";
  let done = 0;
  for (const [start, end] of ranges) {
    if (end <= done) continue;
    if (start >= done) out += text.slice(done, start) + MASK;
    done = end;
  }
  return out + text.slice(done);
}

const texts = JSON.parse(readFileSync(0, "utf8"));
await mask("warm up");
const start = performance.now();
const masked = [];
for (const text of texts) masked.push(await mask(text));
const ms = performance.now() - start;
process.stdout.write(JSON.stringify({ version: release, ms, masked }));
