// SPDX-License-Identifier: GPL-2.0-or-later
//
// Opens a flame graph page (made by make-sample html wall) in a headless Chromium and uses it as a
// person would.
//
//	node html.mjs CHROMIUM PROFILE-DIRECTORY PAGE [SCREENSHOT-DIRECTORY]
import { pathToFileURL } from "node:url";
import path from "node:path";
import { browse, check, is, like } from "./browser.mjs";

const [file, shots] = process.argv.slice(4);
const { browser, page, complaints, requests } = await browse();

await page.setViewport({ width: 1200, height: 700 });
await page.goto(pathToFileURL(file).href);

const text = (selector) => page.$eval(selector, (element) => element.textContent);
const names = () => page.$$eval(".frame", (all) => all.map((frame) => frame.textContent));
const shot = (name) => shots ? page.screenshot({ path: path.join(shots, name) }) : null;

// The frame with this text.
async function frame(name) {
	for (const handle of await page.$$(".frame"))
		if (await handle.evaluate((element) => element.textContent) === name)
			return handle;
	throw new Error(`no frame ${name}: ${await names()}`);
}

async function width(name) {
	return (await (await frame(name)).boundingBox()).width;
}

async function opened() {
	is("title of the page", await page.title(), "demo 3671");
	is("heading", await text("#title"), "demo 3671");
	like("subtitle", await text("#subtitle"), /^wall profile over 10\.0 s$/);
	const all = await names();
	check("frames are drawn", ["start_thread", "std::map::at", "[mutex]", "pthread_join"]
		.every((name) => all.includes(name)), all);
	const whole = await width("all of demo 3671");
	const part = await width("start_thread");
	check("widths are shares", Math.abs(part / whole - 24 / 44.03) < 0.01, { part, whole });
	is("nothing is zoomed: no reset", await page.$eval("#reset", (e) => e.disabled), true);
	like("total", await text("#status"), /^wall: 44\.03 s in all$/);
	is("legend", await page.$$eval("#legend li", (all) => all.length), 5);
	is("notes", await page.$$eval("#notes li", (all) => all.length), 6);
	const threads = await page.$$eval("#thread option", (all) => all.map((o) => o.text));
	is("a hostile thread name is text", threads[6], "</script><b>&amp; 3677");
	is("it made no element", await page.$$eval("b", (all) => all.length), 0);
	await shot("light.png");
}

async function hovered() {
	await (await frame("__lll_lock_wait")).hover();
	const tip = await text("#tip");
	like("tooltip: function and place", tip, /^__lll_lock_waitnptl\/lowlevellock\.c:39/);
	like("tooltip: value and share", tip, /13\.75 s, 31\.23% of all/);
	like("tooltip: states", tip, /mutex 94\.55%.*on-cpu 3\.64%/);
	await shot("tip.png");
}

async function zoomed() {
	await (await frame("(anonymous namespace)::waiter")).click();
	const whole = await width("all of demo 3671");
	is("zoom: as wide as the chart", await width("(anonymous namespace)::waiter"), whole);
	check("zoom: others are gone", !(await names()).includes("pthread_join"), await names());
	is("zoom: what is below is dim", await page.$$eval(".frame.above", (all) =>
		all.map((frame) => frame.textContent)), ["all of demo 3671", "start_thread"]);
	like("zoom: status", await text("#status"), /^zoomed to .*::waiter, 14 s/);
	await page.select("#type", "2");
	like("zoom stays when the type changes", await text("#status"), /::waiter, 250 ms/);
	await page.select("#type", "0");
	await shot("zoom.png");
	await page.click("#reset");
	check("reset", (await names()).includes("pthread_join"), await names());
}

async function typed() {
	await (await frame("pthread_join")).focus();
	await page.keyboard.press("Enter");
	like("Enter zooms", await text("#status"), /^zoomed to pthread_join/);
	is("the focus stays", await page.evaluate(() => document.activeElement.textContent),
		"pthread_join");
	await page.keyboard.press("ArrowUp");
	is("an arrow goes to the caller", await page.evaluate(() =>
		document.activeElement.textContent), "std::map::at");
	await page.keyboard.press("Escape");
	like("Escape resets", await text("#status"), /in all$/);
	await page.click("#search");
	await page.keyboard.press("Tab");
	await page.keyboard.press("Tab");
	is("Tab reaches the frames", await page.evaluate(() =>
		document.activeElement.classList.contains("frame")), true);
	is("and shows the tooltip", await page.$eval("#tip", (e) => e.hidden), false);
}

async function searched() {
	const clear = () => page.$eval("#search", (input) => {
		input.value = "";
		input.dispatchEvent(new Event("input"));
	});

	await page.type("#search", "map::at");
	is("search: share", await text("#matched"), "matched 54.58% (24.03 s)");
	is("search: highlighted", await page.$$eval(".frame.match", (all) =>
		all.map((frame) => frame.textContent)), ["std::map::at", "std::map::at"]);
	await shot("search.png");
	await clear();
	is("search: cleared", await page.$$eval(".frame.match", (all) => all.length), 0);
	await page.type("#search", "namespace)::(");
	like("search: no regular expression", await text("#matched"), /^matched 0\.00%/);
	await clear();
	await page.type("#search", "\\[(mutex|join)\\]");
	like("search: a regular expression", await text("#matched"), /^matched 52\.01%/);
	await clear();
}

async function chosen() {
	const types = await page.$$eval("#type option", (all) => all.map((o) => o.text));
	is("types", types, ["wall", "on-cpu", "runnable", "blocked", "samples"]);
	await page.select("#type", "1");
	is("type on-cpu: total", await text("#status"), "on-cpu: 9.6 s in all");
	check("type on-cpu: no waits", !(await names()).includes("[mutex]"), await names());
	await page.select("#type", "4");
	like("type samples: counts", await text("#status"), /^samples: 2,281 samples in all$/);
	await page.select("#type", "0");
	await page.select("#thread", "4");
	is("thread: total", await text("#status"), "wall: 10 s in all");
	check("thread: only its frames", !(await names()).includes("start_thread"), await names());
	await page.select("#type", "1");
	like("nothing to show", await text("#chart"), /^Nothing to show/);
	await page.select("#type", "0");
	await page.select("#thread", "-1");
}

async function looked() {
	const back = () => page.$eval("body", (body) => getComputedStyle(body).backgroundColor);
	const light = await back();

	await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
	check("dark", await back() !== light, light);
	await shot("dark.png");
	await page.setViewport({ width: 700, height: 300 });
	await new Promise((done) => setTimeout(done, 200)); // redrawn 100 ms after the last resize
	is("deep stacks scroll", await page.$eval("#chart", (chart) =>
		chart.scrollHeight > chart.clientHeight && getComputedStyle(chart).overflowY),
	"auto");
	is("the page itself does not scroll sideways", await page.evaluate(() =>
		document.documentElement.scrollWidth <= innerWidth), true);
	await shot("small.png");
}

try {
	for (const step of [opened, hovered, zoomed, typed, searched, chosen, looked])
		await step();
} catch (error) {
	check("the page can be used to the end", false, String(error.stack));
}
is("nothing on the console", complaints, []);
is("no request but the page", requests.filter((url) => !/^(file|data):/.test(url)), []);
await browser.close();
