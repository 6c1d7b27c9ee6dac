// Opens the status page of a running daemon in Chromium and checks what a reader relies on.
//
//   node page_test.mjs URL SCREENSHOTS
//
// playwright-core is found as Node finds any module, through NODE_PATH, or in PLAYWRIGHT_CORE_DIR.
// Exit status 0 says that every check held; else 1, with a line per failure. Screenshots (light,
// dark, phone) are left in the folder SCREENSHOTS.
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const [url, folder] = process.argv.slice(2);
if (!url || !folder) {
  console.error("usage: node page_test.mjs URL SCREENSHOTS");
  process.exit(1);
}
const { chromium } = load_playwright();
const origin = new URL(url).origin;
const failures = [];

function check(holds, message) {
  console.log(`${holds ? "ok  " : "FAIL"} ${message}`);
  if (!holds) failures.push(message);
}

function load_playwright() {
  const place = process.env.PLAYWRIGHT_CORE_DIR ?? "playwright-core";
  try {
    return createRequire(import.meta.url)(place);
  } catch {
    console.error(`page_test: cannot load ${place}: install the npm package playwright-core and ` +
      "name its folder in PLAYWRIGHT_CORE_DIR, or the folder above it in NODE_PATH");
    process.exit(1);
  }
}

function watch(page, name) {
  page.on("console", (message) => {
    if (message.type() === "error") check(false, `${name}: console error: ${message.text()}`);
  });
  page.on("pageerror", (error) => check(false, `${name}: page error: ${error.message}`));
  page.on("dialog", (dialog) => {
    check(false, `${name}: a dialog opened: ${dialog.message()}`);
    return dialog.dismiss();
  });
  page.on("request", (request) => {
    const target = new URL(request.url());
    if (target.protocol === "data:" || target.origin === origin) return;
    check(false, `${name}: request to another origin: ${target.href}`);
  });
}

const key_of = ({ model, version, segment }) =>
  new URLSearchParams({ model, version, segment }).toString();

// A live daemon goes on between two questions: what the page shows is compared again, with a fresh
// answer each time, until both agree or ten seconds have passed.
async function check_eventually(message, probe) {
  let numbers = [];
  for (const end = Date.now() + 10000; Date.now() < end; await sleep(250)) {
    numbers = await probe();
    if (numbers[0] === numbers[1]) break;
  }
  check(numbers[0] === numbers[1], `${message}: ${numbers[0]} of ${numbers[1]}`);
}

async function check_page(page, name) {
  const ask = async (path) => (await page.request.get(new URL(path, url).href)).json();
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector("#predictions").textContent !== "–");
  const rows = page.locator("#rows tr");
  await check_eventually(`${name}: a row for each monitor`, async () =>
    [await rows.count(), (await ask("api/v1/status")).monitors.length]);
  check(await page.locator("#no-monitors").isVisible() === (await rows.count() === 0),
    `${name}: the empty state shows only without monitors`);
  const greens = await page.locator("#rows .state[data-state=healthy]").allTextContents();
  check(greens.every((text) => text === "healthy"), `${name}: nothing but healthy is green`);
  const [first] = (await ask("api/v1/status")).monitors;
  if (first) await check_detail(page, name, key_of(first), ask);
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(excess <= 0, `${name}: the page is no wider than the screen`);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

async function check_detail(page, name, key, ask) {
  await page.locator(`#rows a[href="#${key}"]`).press("Enter");
  await page.locator(`#rows a[href="#${key}"][aria-current=true]`).waitFor();
  check(new URL(page.url()).hash === `#${key}`, `${name}: the address keeps the selected monitor`);
  await check_eventually(`${name}: a chart for each series of the first monitor`, async () => {
    const { series } = await ask(`api/v1/series?${key}`);
    const names = new Set(series.map((each) => each.series));
    return [await page.locator("#series article:has(canvas)").count(), names.size];
  });
  await check_eventually(`${name}: a chart for each metric`, async () => {
    const { metrics } = await ask(`api/v1/series?${key}`);
    return [await page.locator("#metrics article:has(canvas)").count(), metrics.length];
  });
}

async function check_silence(page) {
  const held = (condition) => page.waitForFunction(condition, null, { timeout: 15000 })
    .then(() => true, () => false);
  const says_so = () =>
    document.querySelector("#trouble").textContent.startsWith("no answer from driftd since");
  await page.context().setOffline(true);
  check(await held(says_so), "offline: the page says that driftd does not answer");
  await page.context().setOffline(false);
  const is_over = () => document.querySelector("body.silent") === null;
  check(await held(is_over), "offline: the page goes on when driftd answers again");
}

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium", args: ["--no-sandbox"],
});
try {
  const looks = [["light", 1280, 900], ["dark", 1280, 900], ["phone", 390, 844]];
  for (const [name, width, height] of looks) {
    const colorScheme = name === "dark" ? "dark" : "light";
    const page = await browser.newPage({ colorScheme, viewport: { width, height } });
    watch(page, name);
    await check_page(page, name);
    await page.close();
  }
  // Chromium logs failed requests as console errors; here they are meant, so nobody watches.
  const page = await browser.newPage();
  await page.goto(url);
  await check_silence(page);
} catch (error) {
  check(false, error.message);
} finally {
  await browser.close();
}
console.log(`page_test: ${failures.length === 0 ? "all checks held" : `${failures.length} failed`}`);
process.exit(failures.length === 0 ? 0 : 1);
