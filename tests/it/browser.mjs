// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the scripts for browsers share: a headless Chromium with one page, and the printing of
// results: for each thing that holds "ok NAME", else "not ok NAME<TAB>WHAT". The first two arguments
// of a script are the browser and the directory for its profile; NPM names the directory in which
// puppeteer-core is installed.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

export function check(name, holds, found) {
	console.log(holds ? `ok ${name}` : `not ok ${name}\t${JSON.stringify(found)}`);
}

export function is(name, got, want) {
	check(name, JSON.stringify(got) === JSON.stringify(want), { got, want });
}

export function like(name, got, regexp) {
	check(name, regexp.test(got), { got, want: String(regexp) });
}

// What the page says on its console, errors it throws, and every address it asks for are kept.
export async function browse(args = ["--disable-gpu"]) {
	const [executablePath, userDataDir] = process.argv.slice(2);
	const require = createRequire(path.join(process.env.NPM, "x.js"));
	const puppeteer = await import(pathToFileURL(require.resolve("puppeteer-core")).href);
	const complaints = [];
	const requests = [];
	const browser = await puppeteer.default.launch({
		executablePath,
		headless: true,
		userDataDir,
		args: ["--no-sandbox", "--disable-quic", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync",
			...args],
	});
	const page = await browser.newPage();

	page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
	page.on("pageerror", (error) => complaints.push(String(error)));
	page.on("request", (request) => requests.push(request.url()));
	return { browser, page, complaints, requests };
}
