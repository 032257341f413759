/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flame.js: a flame graph of the data in the element "data" (flame.c says what is in it), roots on
 * top. Samples are summed up anew for each choice of type and thread. It asks no server for
 * anything, and names from the data become text nodes only, never markup.
 */
(function () {
	"use strict";

	const ROW = 22; /* pixels, as in flame.css */
	const NARROWEST = 1.5; /* pixels: narrower frames are not drawn */
	const CLASSES = {
		"on-cpu": "on CPU",
		runnable: "runnable",
		lock: "lock, condition",
		io: "I/O",
		sleep: "sleep, signal, child",
		other: "other wait",
	};
	const data = JSON.parse(document.getElementById("data").textContent);
	const chart = document.getElementById("chart");
	const tip = document.getElementById("tip");
	const search = document.getElementById("search");
	const reset = document.getElementById("reset");

	let root = null; /* of the tree of nodes */
	let zoomed = null; /* the node that is as wide as the chart */
	let matches = null; /* name -> bool, or null: no search */
	let nodeOf = new Map(); /* element -> node */

	/* ---- values ---- */

	function currentType() {
		return data.types[document.getElementById("type").value];
	}

	function formatNs(ns) {
		const units = [[1e9, "s"], [1e6, "ms"], [1e3, "us"], [1, "ns"]];
		const [factor, unit] = units.find(([f]) => ns >= f) || units[3];

		return Number((ns / factor).toPrecision(ns / factor >= 1000 ? 12 : 4)) + " " + unit;
	}

	function formatValue(value) {
		const type = currentType();

		return type.unit === "nanoseconds" ? formatNs(value) :
			value.toLocaleString("en") + " " + type.label;
	}

	function formatShare(value, total) {
		return (total ? 100 * value / total : 0).toFixed(2) + "%";
	}

	/* ---- the tree ---- */

	function newNode(key, parent) {
		return {
			key, parent, value: 0, children: new Map(), states: new Map(),
			depth: parent ? parent.depth + 1 : 0,
		};
	}

	function childOf(node, key) {
		let child = node.children.get(key);

		if (!child) {
			child = newNode(key, node);
			node.children.set(key, child);
		}
		return child;
	}

	function credit(node, state, value) {
		node.value += value;
		node.states.set(state, (node.states.get(state) || 0) + value);
	}

	function addSample(top, stack, state, value) {
		let node = top;

		credit(node, state, value);
		for (const frame of stack) {
			node = childOf(node, frame);
			credit(node, state, value);
		}
		credit(childOf(node, -1 - state), state, value);
	}

	function buildTree() {
		const type = currentType();
		const thread = Number(document.getElementById("thread").value);
		const top = newNode(null, null);

		for (const [of, state, stack, ns, count] of data.samples) {
			const value = type.unit === "nanoseconds" ? ns : count;

			if (value > 0 && (thread < 0 || of === thread) &&
			    (!type.state || data.states[state].state === type.state))
				addSample(top, data.stacks[stack], state, value);
		}
		return top;
	}

	/* Keys of frames are indexes; those of states, leaves all of them, are negative. */
	function isState(node) {
		return node.key !== null && node.key < 0;
	}

	function nameOf(node) {
		if (node.key === null)
			return "all of " + data.title;
		return isState(node) ? "[" + data.states[-1 - node.key].name + "]" :
			data.frames[node.key][0];
	}

	function placeOf(node) {
		if (node.key === null || isState(node))
			return "";
		const [, file, line] = data.frames[node.key];

		return file + (line ? ":" + line : "");
	}

	/* [class, value] of all kinds of states in the node, the largest first. */
	function classesOf(node) {
		const sums = new Map();

		for (const [state, value] of node.states) {
			const name = data.states[state].class;

			sums.set(name, (sums.get(name) || 0) + value);
		}
		return [...sums].sort((a, b) => b[1] - a[1]);
	}

	/* The kind that most of the value has gives the colour; a stripe below shows the others. */
	function paint(element, node) {
		const classes = classesOf(node);
		const stops = [];
		let at = 0;

		element.classList.add("c-" + (classes.length ? classes[0][0] : "none"));
		if (classes.length < 2)
			return;
		for (const [name, value] of classes) {
			const end = at + 100 * value / node.value;

			stops.push("var(--" + name + ") " + at + "% " + end + "%");
			at = end;
		}
		element.classList.add("mixed");
		element.style.backgroundImage = "linear-gradient(to right, " + stops.join() + ")";
	}

	function sortedChildren(node) {
		return [...node.children.values()].sort((a, b) =>
			isState(a) - isState(b) || b.value - a.value ||
			(nameOf(a) < nameOf(b) ? -1 : 1));
	}

	function pathOf(node) {
		const path = [];

		for (; node && node.parent; node = node.parent)
			path.unshift(node.key);
		return path;
	}

	/* The node at the end of the path, or the last one on it that is there. */
	function followPath(path) {
		let node = root;

		for (const key of path) {
			if (!node.children.has(key))
				break;
			node = node.children.get(key);
		}
		return node;
	}

	/* ---- searching ---- */

	function makeMatcher(query) {
		try {
			const regexp = new RegExp(query, "i");

			return (text) => regexp.test(text);
		} catch {
			const lower = query.toLowerCase();

			return (text) => text.toLowerCase().includes(lower);
		}
	}

	function isMatch(node) {
		return node.parent !== null && matches(nameOf(node) + " " + placeOf(node));
	}

	/* What matching nodes have, each sample counted once: nothing below a match counts. */
	function matchedValue(top) {
		const todo = [top];
		let sum = 0;

		while (todo.length) {
			const node = todo.pop();

			if (isMatch(node))
				sum += node.value;
			else
				todo.push(...node.children.values());
		}
		return sum;
	}

	function showMatched() {
		const value = matches ? matchedValue(zoomed) : 0;

		document.getElementById("matched").textContent = !matches ? "" :
			"matched " + formatShare(value, zoomed.value) +
			(value ? " (" + formatValue(value) + ")" : "");
	}

	/* ---- drawing ---- */

	function describe(node) {
		return nameOf(node) + ", " + formatValue(node.value) + ", " +
			formatShare(node.value, root.value);
	}

	/* left and width are shares of the chart's width. */
	function makeFrame(node, left, width, pixels) {
		const element = document.createElement("button");

		element.type = "button";
		element.className = "frame";
		paint(element, node);
		element.classList.toggle("state", isState(node));
		element.classList.toggle("narrow", width * pixels < 12);
		element.classList.toggle("match", matches !== null && isMatch(node));
		element.style.left = 100 * left + "%";
		element.style.width = 100 * width + "%";
		element.style.top = node.depth * ROW + "px";
		if (width * pixels >= 28)
			element.textContent = nameOf(node);
		element.setAttribute("aria-label", describe(node));
		nodeOf.set(element, node);
		return element;
	}

	/* Returns the depth of the deepest row drawn. Not recursive: stacks may be very deep. */
	function drawBelow(rows, top, pixels) {
		const todo = [[top, 0]];
		let deepest = top.depth;

		while (todo.length) {
			const [node, left] = todo.pop();
			const width = node.value / top.value;
			const below = [];
			let at = left;

			rows.append(makeFrame(node, left, width, pixels));
			deepest = Math.max(deepest, node.depth);
			for (const child of sortedChildren(node)) {
				if (child.value / top.value * pixels >= NARROWEST)
					below.push([child, at]);
				at += child.value / top.value;
			}
			todo.push(...below.reverse());
		}
		return deepest;
	}

	function drawAbove(rows, pixels) {
		const above = [];

		for (let node = zoomed.parent; node; node = node.parent)
			above.unshift(node);
		for (const node of above) {
			const element = makeFrame(node, 0, 1, pixels);

			element.classList.add("above");
			rows.append(element);
		}
	}

	function drawEmpty() {
		const text = document.createElement("p");

		text.className = "empty";
		text.textContent = "Nothing to show for this choice.";
		chart.replaceChildren(text);
	}

	function draw() {
		const rows = document.createElement("div");
		const pixels = Math.max(chart.clientWidth - 32, 100);

		nodeOf = new Map();
		hideTip();
		reset.disabled = zoomed === root;
		showMatched();
		showLegend();
		showStatus();
		if (!root.value) {
			drawEmpty();
			return;
		}
		rows.className = matches ? "rows searching" : "rows";
		drawAbove(rows, pixels);
		rows.style.height = (drawBelow(rows, zoomed, pixels) + 1) * ROW + "px";
		chart.replaceChildren(rows);
	}

	function makeSwatch(name) {
		const swatch = document.createElement("span");

		swatch.className = "swatch c-" + name;
		return swatch;
	}

	function showLegend() {
		const items = classesOf(zoomed).map(([name, value]) => {
			const item = document.createElement("li");

			item.append(makeSwatch(name),
				CLASSES[name] + " " + formatShare(value, zoomed.value));
			return item;
		});

		document.getElementById("legend").replaceChildren(...items);
	}

	function showStatus() {
		document.getElementById("status").textContent = zoomed === root ?
			currentType().label + ": " + formatValue(root.value) + " in all" :
			"zoomed to " + describe(zoomed);
	}

	/* ---- the tooltip ---- */

	function tipLine(text, className) {
		const line = document.createElement("div");

		line.className = className || "";
		line.append(text);
		return line;
	}

	function tipStates(node) {
		const states = [...node.states].sort((a, b) => b[1] - a[1]).slice(0, 4);

		return states.map(([state, value]) => {
			const line = tipLine("");

			line.append(makeSwatch(data.states[state].class), data.states[state].name +
				" " + formatShare(value, node.value));
			return line;
		});
	}

	function showTip(node, x, y) {
		const name = document.createElement("strong");
		const share = formatShare(node.value, root.value) + " of all" + (zoomed === root ?
			"" : ", " + formatShare(node.value, zoomed.value) + " of the zoomed");

		name.textContent = nameOf(node);
		tip.replaceChildren(name);
		if (placeOf(node))
			tip.append(tipLine(placeOf(node), "place"));
		tip.append(tipLine(formatValue(node.value) + ", " + share), ...tipStates(node));
		tip.hidden = false;
		const right = innerWidth - tip.offsetWidth - 8;
		const above = y - tip.offsetHeight - 10;
		const fits = y + 18 + tip.offsetHeight < innerHeight;

		tip.style.left = Math.max(4, Math.min(x + 14, right)) + "px";
		tip.style.top = (fits ? y + 18 : Math.max(4, above)) + "px";
	}

	function hideTip() {
		tip.hidden = true;
	}

	/* ---- acting ---- */

	/* The keyboard's focus goes with the node: its element is made anew. */
	function focusNode(node) {
		for (const [element, of] of nodeOf)
			if (of === node)
				element.focus();
	}

	function zoom(node) {
		const focused = nodeOf.has(document.activeElement);

		zoomed = isState(node) ? node.parent : node;
		draw();
		if (focused)
			focusNode(zoomed);
	}

	function rebuild() {
		const path = pathOf(zoomed);

		root = buildTree();
		zoomed = followPath(path);
		draw();
	}

	function runSearch() {
		const query = search.value.trim();

		matches = query ? makeMatcher(query) : null;
		draw();
	}

	function nodeAt(event) {
		return nodeOf.get(event.target);
	}

	/* The node to go to from `node` by an arrow key. */
	function neighbour(node, key) {
		const drawn = new Set(nodeOf.values());
		const siblings = node.parent ? sortedChildren(node.parent) : [node];
		const at = siblings.indexOf(node);
		const to = {
			ArrowUp: () => node.parent,
			ArrowDown: () => sortedChildren(node)[0],
			ArrowLeft: () => siblings[at - 1],
			ArrowRight: () => siblings[at + 1],
		}[key];
		const found = to && to();

		return found && drawn.has(found) ? found : null;
	}

	function onKey(event) {
		const node = nodeAt(event);
		const next = node && neighbour(node, event.key);

		if (next) {
			event.preventDefault();
			focusNode(next);
		} else if (event.key === "Escape" && event.target !== search) {
			zoom(root);
		} else if (event.key === "/" && event.target !== search) {
			event.preventDefault();
			search.focus();
		}
	}

	function onFocus(event) {
		const node = nodeAt(event);

		if (node && event.target.matches(":focus-visible")) {
			const box = event.target.getBoundingClientRect();

			showTip(node, box.left, box.top);
		}
	}

	function listen() {
		let timer = 0;

		chart.addEventListener("click", (event) => nodeAt(event) && zoom(nodeAt(event)));
		chart.addEventListener("pointermove", (event) => nodeAt(event) ?
			showTip(nodeAt(event), event.clientX, event.clientY) : hideTip());
		chart.addEventListener("pointerleave", hideTip);
		chart.addEventListener("focusin", onFocus);
		chart.addEventListener("focusout", hideTip);
		document.addEventListener("keydown", onKey);
		document.getElementById("controls").addEventListener("submit", (event) =>
			event.preventDefault());
		document.getElementById("type").addEventListener("change", rebuild);
		document.getElementById("thread").addEventListener("change", rebuild);
		search.addEventListener("input", runSearch);
		reset.addEventListener("click", () => zoom(root));
		window.addEventListener("resize", () => {
			clearTimeout(timer);
			timer = setTimeout(draw, 100);
		});
	}

	function fillSelect(id, options) {
		document.getElementById(id).replaceChildren(
			...options.map(([text, value]) => new Option(text, value)));
	}

	function fillPage() {
		document.getElementById("title").textContent = data.title;
		document.getElementById("subtitle").textContent = data.subtitle;
		fillSelect("type", data.types.map((type, i) => [type.label, i]));
		fillSelect("thread", [["all " + data.threads.length + " threads", -1]].concat(
			data.threads.map((name, i) => [name, i])));
		document.getElementById("notes").replaceChildren(...data.notes.map((note) => {
			const item = document.createElement("li");

			item.textContent = note;
			return item;
		}));
	}

	fillPage();
	listen();
	rebuild();
})();
