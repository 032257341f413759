// SPDX-License-Identifier: GPL-2.0-or-later
//
// Opens files of the target "inline" in speedscope: a capture of its three threads, then a snapshot.
// Both flame graphs are drawn by WebGL, which Chromium does in software here; what they show is read
// from the tooltip and from the table of the sandwich view.
//
//	node speedscope.mjs CHROMIUM PROFILE-DIRECTORY PAGE CAPTURE SNAPSHOT PID [SCREENSHOT-DIRECTORY]
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import path from "node:path";
import { browse, check, is, like } from "./browser.mjs";

const [file, capture, snapshot, pid, shots] = process.argv.slice(4);
const { browser, page, complaints, requests } =
	await browse(["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]);

const shot = (name) => shots ? page.screenshot({ path: path.join(shots, name) }) : null;
const rows = () => page.$$eval("tr", (all) => all.map((row) =>
	[...row.cells].map((cell) => cell.textContent.trim())));
const profiles = (name) => JSON.parse(readFileSync(name)).profiles.map((profile) => profile.name);

// Wait for text on the page.
function shown(text) {
	return page.waitForFunction((want) => document.body.innerText.includes(want),
		{ timeout: 20000 }, text);
}

async function open(name) {
	await page.goto("about:blank");
	await page.goto(pathToFileURL(file).href);
	await (await page.waitForSelector("#file")).uploadFile(name);
	await shown("Time Order");
}

// The rows of the list that the key t opens: number, name, weight.
async function listed() {
	await page.keyboard.press("t");
	await shown("Total Weight");
	const found = (await rows()).slice(1);
	await shot("profiles.png");
	await page.keyboard.press("Escape");
	return found;
}

// The functions of the profile shown: name -> [total, self], from the sandwich view.
async function functions() {
	await page.keyboard.press("3");
	await shown("Symbol Name");
	await page.waitForFunction(() => document.querySelectorAll("tr").length > 1);
	const found = (await rows()).slice(1);
	await page.keyboard.press("1");
	return Object.fromEntries(found.map(([total, self, name]) => [name, [total, self]]));
}

// What the tooltip says of the bars from the top of the graph downwards.
async function bars() {
	const found = [];

	for (let y = 140; y < 560; y += 10) {
		await page.mouse.move(600, y);
		await new Promise((done) => setTimeout(done, 50));
		const text = await page.evaluate(() => document.body.innerText);
		const [, tip] = /^[0-9.]+m?s \([^)]*%\) (.+)$/m.exec(text) ?? [];
		if (tip && tip !== found[found.length - 1])
			found.push(tip);
	}
	return found;
}

async function captured() {
	await open(capture);
	is("title", await page.title(), `inline ${pid} wall - speedscope`);
	const list = await listed();
	is("a profile a thread", list.map((row) => row[1]), profiles(capture));
	is("named as the threads are", list.map((row) => row[1].replace(/ \d+$/, "")),
		["inline", "chain", "lambda"]);
	check("each is one second long", list.every((row) => {
		const [, number, unit] = /^([0-9.]+)(m?s)$/.exec(row[2]) ?? [];
		return Math.abs(number * (unit === "s" ? 1000 : 1) - 1000) < 100;
	}), list);
}

async function inlined() {
	await page.keyboard.press("n");
	await shown("(2/3)");
	const found = await functions();
	const names = Object.keys(found);
	for (const name of ["app::Server::handle", "app::(anonymous namespace)::parse",
		"app::(anonymous namespace)::step"])
		check(`inlined: ${name}`, names.includes(name), names);
	check("and the function that they are inlined into", names.includes("app::Server::run"), names);
	like("a wait is a frame of its own", found["[cond wait]"]?.[1] ?? "", /\(100%\)$/);
	await shot("sandwich.png");
}

async function drawn() {
	const found = await bars();
	const order = ["app::Server::run", "app::Server::handle", "app::(anonymous namespace)::parse",
		"app::(anonymous namespace)::step", "app::block_here", "[cond wait]"];
	const places = order.map((name) => found.indexOf(name));
	check("bars from the caller to the callee", places[0] >= 0 &&
		places.every((place, i) => i === 0 || place > places[i - 1]), { places, found });
	await shot("time.png");
}

async function looked() {
	await open(snapshot);
	is("a snapshot: title", await page.title(), `inline ${pid} threads - speedscope`);
	const names = Object.keys(await functions());
	check("a snapshot: every thread", ["inline", "chain", "lambda"].every((name) =>
		names.some((found) => found.startsWith(`${name} `))), names);
}

try {
	for (const step of [captured, inlined, drawn, looked])
		await step();
} catch (error) {
	check("the files can be used to the end", false, String(error.stack));
}
is("no error and no warning on the console",
	complaints.filter((line) => !/^(log|timeEnd): /.test(line)), []);
is("nothing is asked of a network", requests.filter((url) => !/^(file|data|about|blob):/.test(url)),
	[]);
await browser.close();
