"use strict";
// The embedded details, unpacked by html_data.py's order of fields. Everything is put on the page as text, never as HTML.
const data = JSON.parse(document.getElementById("details").textContent);
const text = (number) => data.texts[number];
const word = (value) => value.replaceAll("_", " ");

const CASE = ["id", "family", "op", "opset", "summary", "digest", "tags", "source", "link", "select"];
const RUNTIME = ["name", "requested", "product", "version", "packages", "python", "command"];
const RECORD = ["case", "column", "runtime", "machine", "precision", "status", "verdict", "baseline", "stage", "reason",
  "signature", "remedy", "remedyLink", "diagnostics", "diagnosticCount", "results", "resultCount", "points", "pointCount",
  "seconds", "attempts", "exit", "artifacts", "ranIn", "layers", "layerCount", "known", "knownLink",
  "placement"];
const NUMBERS = new Set(["opset", "column", "case", "runtime", "diagnostics", "diagnosticCount", "results", "resultCount",
  "points", "pointCount", "seconds", "attempts", "artifacts", "layers", "layerCount"]);

function unpack(fields, row) {
  return Object.fromEntries(fields.map((name, place) => [name, NUMBERS.has(name) ? row[place] : text(row[place])]));
}
const caseOf = (record) => unpack(CASE, data.cases[record.case]);
const recordAt = (number) => unpack(RECORD, data.records[number]);
const isWeb = (address) => /^https?:\/\//.test(address);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== "" && child !== null && child !== undefined));
  return element;
}
const status = (value) => make("span", { class: `s s-${value}` }, word(value));
const webLink = (address, label) => isWeb(address) ? make("a", { href: address, rel: "noopener noreferrer" }, label) : label;

// ---- Details of one cell ----

const panel = document.getElementById("panel");
let opened = null; // the button of the open cell

function open(button, moveFocus = true) {
  if (opened) opened.classList.remove("open");
  opened = button;
  button.classList.add("open");
  const record = recordAt(button.dataset.i);
  panel.replaceChildren(...details(record, button));
  panel.hidden = false;
  document.documentElement.classList.add("opened");
  panel.scrollTop = 0;
  button.scrollIntoView({ block: "nearest", inline: "nearest" }); // the panel has made the table narrower
  if (moveFocus) panel.focus({ preventScroll: true });
  const fragment = `#cell=${encodeURIComponent(caseOf(record).id)}|${encodeURIComponent(data.columns[record.column])}`;
  if (location.hash !== fragment) history.replaceState(null, "", fragment);
}

function close() {
  if (!opened) return;
  panel.hidden = true;
  document.documentElement.classList.remove("opened");
  opened.classList.remove("open");
  opened.focus({ preventScroll: true });
  opened = null;
  history.replaceState(null, "", location.pathname + location.search);
}

function details(record, button) {
  const info = caseOf(record);
  const runtime = unpack(RUNTIME, data.runtimes[record.runtime]);
  return [
    make("header", {}, make("h2", { id: "panel-title" }, info.id),
      make("button", { class: "close", type: "button", onclick: close, "aria-label": "Close the details" }, "✕")),
    info.summary ? make("p", { class: "muted" }, info.summary) : "",
    siblings(button),
    make("p", { class: "lead" }, status(record.status), ` on ${data.columns[record.column]}`,
      record.verdict ? ` · ${verdict(record)}` : ""),
    record.reason ? make("p", {}, record.reason) : "",
    known(record),
    remedy(record),
    ...points(record),
    ...results(record),
    ...engine(record),
    ...diagnostics(record),
    make("h3", {}, "Reproduce"),
    command(`${runtime.command} ${info.select}`),
    ...artifacts(record),
    make("h3", {}, "Environment"),
    facts([["Runtime", [runtime.product, runtime.version || "(no library was loaded)"].join(" ")],
      ["Asked for", runtime.requested], ["Packages", runtime.packages], ["Python", runtime.python],
      ["Machine", record.machine], ["Nodes ran on", record.placement],
      ["Precision", record.precision], ["Last stage", record.stage],
      ["Seconds", record.seconds.map(([stage, seconds]) => `${text(stage)} ${seconds}`).join(", ")],
      ["Attempts", record.attempts > 1 ? String(record.attempts) : ""], ["Worker", record.exit]]),
    make("h3", {}, "Case"),
    facts([["Op", [info.family, info.op].filter(Boolean).join(" / ")], ["Opset", info.opset ? String(info.opset) : ""],
      ["Tags", info.tags], ["Digest", info.digest], ["Source", info.source && webLink(info.link, info.source)]]),
  ].filter((part) => part !== "");
}

function verdict(record) {
  if (record.verdict === "same") return "as in the baseline";
  return record.baseline ? `${record.verdict}: the baseline says ${word(record.baseline)}` : `${record.verdict}: not in the baseline`;
}

function siblings(button) {
  const buttons = [...button.closest("tr").querySelectorAll("button")];
  return make("nav", { class: "siblings", "aria-label": "The same case on other runtimes" }, ...buttons.map((other) => {
    const record = recordAt(other.dataset.i);
    return make("button", { type: "button", "aria-current": String(other === button), onclick: () => open(other) },
      data.columns[record.column], status(record.status));
  }));
}

function known(record) {
  if (!record.known) return "";
  return make("div", { class: "remedy" }, make("b", {}, "Known. "), record.known, " ",
    webLink(record.knownLink, isWeb(record.knownLink) ? "Source" : ""));
}

function remedy(record) {
  if (!record.remedy) return "";
  return make("div", { class: "remedy" }, make("b", {}, "What to do. "), record.remedy, " ",
    webLink(record.remedyLink, isWeb(record.remedyLink) ? "Source" : ""),
    record.signature ? make("div", { class: "muted mono" }, record.signature) : "");
}

function points(record) {
  if (!record.points.length) return [];
  const rows = record.points.map((number) => data.points[number].map(text)).map(([point, happened, inputs, why]) =>
    ({ Point: point, Status: status(happened), Inputs: inputs, Why: why }));
  return [make("h3", {}, "Shape points"), table(rows), leftOut(record.pointCount - record.points.length)];
}

function results(record) {
  if (!record.results.length) return [];
  const rows = record.results.map((number) => data.results[number]).map(outputRow);
  return [make("h3", {}, "Outputs"), table(rows), leftOut(record.resultCount - record.results.length)];
}

const WIDE = new Set(["Problem", "Why"]);
function table(rows) {
  const columns = Object.keys(rows[0]).filter((name) => rows.some((row) => row[name] !== "")); // no empty columns
  const cell = (row, name) => make("td", WIDE.has(name) ? { class: "wide" } : {},
    row[name] instanceof Node ? row[name] : String(row[name]));
  return make("div", { class: "scroll" }, make("table", {},
    make("thead", {}, make("tr", {}, ...columns.map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...columns.map((name) => cell(row, name)))))));
}

function outputRow([point, output, got, expected, reference, problem, drift, second]) {
  const [maxAbs, meanAbs, maxRel, rmse, cosine, sqnr, off, nonfinite, steps, ulp, lsb, at, value, wanted] =
    (drift || Array(14).fill("")).map((figure) => figure ?? "");
  return { Point: text(point), Output: text(output), Problem: text(problem), "Max abs": maxAbs, "SQNR dB": sqnr, Steps: steps,
    ULP: ulp, LSB: lsb, Off: off, "Worst at": at && `${at}: ${value}, not ${wanted}`, Cosine: cosine, "Max rel": maxRel, "Mean abs": meanAbs,
    RMSE: rmse, "Non-finite off": nonfinite, Type: got === expected ? text(got) : `${text(got) || "none"}, not ${text(expected)}`,
    Reference: text(reference), "Second reference": text(second) };
}

function engine(record) {
  if (!record.layers.length) return [];
  const rows = record.layers.map((number) => data.layers[number].map(text));
  return [make("h3", {}, "What the engine runs"), record.ranIn ? make("p", {}, "ran_in: ", make("b", {}, record.ranIn)) : "",
    make("div", { class: "scroll" }, make("table", {},
      make("thead", {}, make("tr", {}, ...["Layer", "Name", "In", "Out", "Tactic"].map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((value) => make("td", { class: "wide" }, value))))))),
    leftOut(record.layerCount - record.layers.length)];
}

function diagnostics(record) {
  if (!record.diagnostics.length) return [];
  return [make("h3", {}, "What the runtime said"), ...record.diagnostics.flatMap((number) => {
    const [source, severity, place, message] = data.diagnostics[number].map(text);
    return [make("div", {}, make("b", {}, severity === "error" ? source : `${source}, ${severity}`), place ? ` ${place}` : ""),
      make("pre", {}, message)];
  }), leftOut(record.diagnosticCount - record.diagnostics.length)];
}

const leftOut = (count) => count > 0 ? make("p", { class: "muted" }, `${count} more in records.jsonl`) : "";

function command(line) {
  const shown = make("pre", {}, line);
  const copy = make("button", { type: "button", class: "plainly", onclick: async () => {
    try { await navigator.clipboard.writeText(line); copy.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(shown); copy.textContent = "Selected"; }
  } }, "Copy");
  return make("div", { class: "command" }, shown, copy);
}

function artifacts(record) {
  if (!record.artifacts.length) return [];
  return [make("h3", {}, "Files"), make("ul", {}, ...record.artifacts.map(([name, path, link]) =>
    make("li", {}, `${text(name)}: `, text(link).startsWith("./") ? make("a", { href: text(link) }, text(path)) : text(path))))];
}

function facts(pairs) {
  return make("dl", {}, ...pairs.filter(([, value]) => value).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

// ---- Opening by address, mouse and keyboard ----

const buttons = [...document.querySelectorAll(".matrix button")];
const byAddress = new Map(buttons.map((button) => {
  const record = recordAt(button.dataset.i);
  return [`${caseOf(record).id}|${data.columns[record.column]}`, button];
}));

function openFromAddress() {
  const match = /^#cell=(.*)$/.exec(location.hash);
  if (!match) return;
  let address = match[1];
  try { address = decodeURIComponent(address); } catch { /* a stray % is looked up as it stands */ }
  const button = byAddress.get(address);
  if (!button) return;
  button.closest("tbody").classList.remove("folded");
  if (button.closest("tr").hidden) filters.reset();
  open(button);
  button.scrollIntoView({ block: "center" });
}

function neighbour(key) {
  const row = opened.closest("tr");
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const all = [...row.querySelectorAll("button")];
    return all[all.indexOf(opened) + (key === "ArrowRight" ? 1 : -1)];
  }
  const column = recordAt(opened.dataset.i).column;
  const shown = buttons.filter((button) => recordAt(button.dataset.i).column === column && button.offsetParent);
  return shown[shown.indexOf(opened) + (key === "ArrowDown" ? 1 : -1)];
}

document.addEventListener("keydown", (event) => {
  if (!opened || event.altKey || event.ctrlKey || event.metaKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
  if (event.key === "Escape") close();
  else if (event.key.startsWith("Arrow") && !event.target.closest(".scroll, pre")) {
    const next = neighbour(event.key);
    event.preventDefault();
    if (next) open(next);
  }
});
document.addEventListener("click", (event) => {
  const cell = event.target.closest(".matrix button");
  const group = event.target.closest(".matrix .group");
  if (cell) open(cell);
  else if (group) group.parentElement.classList.toggle("folded");
});
addEventListener("hashchange", openFromAddress);

// ---- Filters ----

const filters = document.getElementById("filters");
if (filters) {
  document.documentElement.classList.add("js");
  const rows = [...document.querySelectorAll(".matrix tbody tr:not(.group)")].map((element) => {
    const cells = [...element.querySelectorAll("button")].map((button) => ({ button, ...recordAt(button.dataset.i) }));
    const info = caseOf(cells[0]);
    const words = [info.id, info.op, info.tags, ...cells.flatMap((cell) => [cell.reason, cell.signature])];
    return { element, cells, family: info.family, words: words.join("\n").toLowerCase() };
  });
  const choose = (select, names) => select.append(...names.map((name) => make("option", { value: name }, name)));
  choose(filters.family, [...new Set(rows.map((row) => row.family))]);
  choose(filters.column, data.columns);

  const apply = () => {
    const wanted = filters.text.value.trim().toLowerCase().split(/\s+/);
    const column = data.columns.indexOf(filters.column.value);
    const statuses = new Set([...filters.querySelectorAll("[name=status]:checked")].map((box) => box.value));
    const isMeant = (cell) => (column < 0 || cell.column === column) && (!statuses.size || statuses.has(cell.status));
    let found = 0;
    for (const { element, cells, family, words } of rows) {
      const shown = (!filters.family.value || family === filters.family.value)
        && wanted.every((part) => words.includes(part)) && cells.some(isMeant)
        && (!filters.different.checked || "d" in element.dataset) && (!filters.changed.checked || "c" in element.dataset);
      element.hidden = !shown;
      found += shown;
      if (shown) for (const cell of cells) cell.button.parentElement.classList.toggle("other", !isMeant(cell));
    }
    for (const body of document.querySelectorAll(".matrix tbody")) body.hidden = !body.querySelector("tr:not(.group):not([hidden])");
    document.getElementById("found").textContent = found === rows.length
      ? `${found.toLocaleString("en")} cases` : `${found.toLocaleString("en")} of ${rows.length.toLocaleString("en")} cases`;
  };
  filters.addEventListener("input", apply);
  filters.addEventListener("reset", () => setTimeout(apply));
  filters.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("fold").addEventListener("click", (event) => {
    const bodies = [...document.querySelectorAll(".matrix tbody")];
    const folded = !bodies.every((body) => body.classList.contains("folded"));
    for (const body of bodies) body.classList.toggle("folded", folded);
    event.target.textContent = folded ? "Unfold groups" : "Fold groups";
  });
  filters.hidden = false;
  apply();
  openFromAddress();
}
