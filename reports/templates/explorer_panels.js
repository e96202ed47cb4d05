/* What the explorer says beside its plots: the verdict, key figures and a table for every array. */

const percentText = (fraction) => `${Number((100 * fraction).toPrecision(4))} %`;
const fixed = (value, decimals) => value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });

/** The row that a short text is about: of those with a generator the one that saves most. */
function leading(rows, measure) {
  const known = rows.filter((row) => row.figures?.measures[measure.name]);
  const protectedRows = known.filter((row) => row.generator.network);
  const by = (row) => row.figures.measures[measure.name].savingPercent;
  return [...(protectedRows.length > 0 ? protectedRows : known)].sort((a, b) => by(b) - by(a))[0];
}

const combinationTitle = (shown, { generator }) => (generator.network ? `${shown.base.title} behind ${generator.title}` : `${shown.base.title} alone`);

/** What the choice amounts to on an array, in sentences. */
function verdictWords(data, shown, panel, measure) {
  const lead = leading(panel.rows, measure);
  if (!lead) {
    return [panel.rows.length === 0 ? "No generator is chosen." : `Nothing is known of this choice on ${panel.array.title}.`];
  }
  const saving = lead.figures.measures[measure.name].savingPercent;
  const of = verdict(data, lead.figures.byResidency);
  const losers = panel.rows.filter((row) => row !== lead && row.figures?.measures[measure.name]?.savingPercent < 0);
  const rows = panel.rows.filter((row) => row.accuracy && row.generator.network);
  const best = [...rows].sort((a, b) => b.accuracy.percent - a.accuracy.percent)[0];
  return [
    html("strong", {}, `${combinationTitle(shown, lead)} ${saving < 0 ? "costs" : "saves"} ${Math.abs(saving).toFixed(1)} % by ${measure.title}`),
    of ? `: ${of}. ` : ". ",
    losers.length > 0 ? `Costs more than it saves: ${losers.map(({ generator }) => generator.title).join(", ")}. ` : "",
    best ? `Highest accuracy: ${best.generator.title}, ${accuracyText(best.accuracy)}.` : "",
  ];
}

const accuracyText = (accuracy) => `${accuracy.percent.toFixed(1)} ± ${accuracy.deviation.toFixed(1)} %${
  accuracy.isHere ? "" : ` at ${percentText(accuracy.rate)}`}`;

/** Millions of whatever a measure counts; of picojoules, microjoules. */
function spentUnit(data, state, measure) {
  const unit = measure.unit || data.tables.find(({ name }) => name === state.table).unit;
  return unit === "pJ" ? "µJ" : `million ${unit}`;
}

const spent = (by) => by.baseLow + by.generator;

/** What another array changes for the same generator. */
function compareWords(shown, measure) {
  const [here, there] = shown.panels;
  const lead = leading(here.rows, measure);
  const other = there?.rows.find((row) => row.generator.id === lead?.generator.id && row.figures?.measures[measure.name]);
  if (!lead || !other) {
    return "";
  }
  const [one, two] = [lead, other].map((row) => row.figures.measures[measure.name]);
  return `${combinationTitle(shown, lead)} on ${there.array.title} instead of ${here.array.title}: spends ${(spent(two) / spent(one)).toFixed(2)} times as much by ${
    measure.title}, takes ${(other.figures.totalMs / lead.figures.totalMs).toFixed(2)} times as long; the low voltage saves ${
    two.savingPercent.toFixed(1)} % instead of ${one.savingPercent.toFixed(1)} %.`;
}

/** One panel for every array, all on the same scales. */
function panels(data, state, shown, measure) {
  const compared = document.getElementById("explorer-compared");
  compared.textContent = compareWords(shown, measure);
  compared.hidden = compared.textContent === "";
  const place = document.getElementById("explorer-panels");
  place.classList.toggle("two", shown.panels.length > 1);
  const lines = shown.panels.map((panel) => savingLines(data, state, panel));
  const range = savingRange(lines);
  const known = shown.panels.flatMap((panel) => panel.rows.map((row) => row.figures?.measures[measure.name])).filter(Boolean);
  const most = Math.max(100, ...known.map((by) => (100 * spent(by)) / by.base)) * 1.02;
  const parts = shown.panels.map(({ array }) => {
    const notes = [array.title.includes(array.memory) ? "" : array.memory, state.table && `${state.table}, resident ${state.residency}`];
    const heading = html("h3", {}, array.title, html("small", {}, ` ${notes.filter(Boolean).join(", ")}`));
    return html("article", { "aria-label": array.title }, heading, html("p", { class: "verdict" }), html("dl", { class: "tiles" }), html("div", { class: "plot" }),
      html("div", { class: "plot" }), html("p", { class: "key" }), html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Figures of ${array.title}` }));
  });
  place.replaceChildren(...parts);
  shown.panels.forEach((panel, index) => {
    const [, said, tiles, saving, energy, key, table] = parts[index].children;
    said.append(...verdictWords(data, shown, panel, measure));
    tiles.append(...keyFigures(data, state, shown, panel, measure));
    savingPlot(saving, data, state, lines[index], range, measure.title);
    energyBars(energy, data, measure, panel.rows, most);
    key.append(...partsKey(data, measure, panel.rows));
    table.append(figuresTable(data, state, panel, measure));
  });
}

/** The lead's figures in large. */
function keyFigures(data, state, shown, panel, measure) {
  const lead = leading(panel.rows, measure);
  if (!lead) {
    return [];
  }
  const { figures: own, accuracy, generator } = lead;
  const other = data.measures.find(({ name }) => name === (measure.name === data.systemMeasure ? data.accessMeasure : data.systemMeasure));
  const saving = (row) => tile(`saved by ${row.title}`, `${fixed(own.measures[row.name].savingPercent, 1)} %`, generator.title, own.measures[row.name].savingPercent < 0);
  return [
    saving(measure),
    ...(other && own.measures[other.name] ? [saving(other)] : []),
    tile("accuracy", accuracy ? `${accuracy.percent.toFixed(1)} %` : "unknown",
      !accuracy ? "at so many bit errors" : `${generator.title}, ± ${accuracy.deviation.toFixed(1)}, ${accuracy.rate ? `at ${percentText(accuracy.rate)} bit errors` : "without bit errors"}`),
    tile("latency", `${fixed(own.totalMs, 3)} ms`, generator.network ? `${fixed(own.overheadPercent, 1)} % on top by ${generator.title}` : generator.title),
  ];
}

function tile(name, value, note, isLoss = false) {
  return html("div", isLoss ? { class: "is-loss" } : {}, html("dt", {}, name), html("dd", {}, value), html("dd", { class: "note" }, isLoss ? `${note}, a loss` : note));
}

/** Which colour is what in the bars. */
function partsKey(data, measure, rows) {
  const names = new Map(rows.filter((row) => row.figures?.measures[measure.name])
    .flatMap((row) => spentParts(data, measure, row.figures)).map(([name, title]) => [name, title]));
  return Array.from(names, ([name, title]) => html("span", {}, html("i", { "data-part": name }), title));
}

/** Every chosen generator with its figures, in full precision for whoever reads the attributes. */
function figuresTable(data, state, panel, measure) {
  const table = data.tables.find(({ name }) => name === state.table);
  const withDram = panel.rows.some((row) => row.figures?.breakEvenDram !== null && row.figures?.breakEvenDram !== undefined);
  const head = ["generator", `saved by ${measure.title} (%)`, `spent (${spentUnit(data, state, measure)})`, "accuracy (%)", "latency (ms)", "on top (%)", "pays below (Vmin)",
    ...(withDram ? [`DRAM up to (${table.unit} a bit)`] : [])];
  const number = (value, decimals, missing = "never") => (value === null || value === undefined
    ? html("td", { class: "number" }, missing)
    : html("td", { class: "number", "data-value": String(value) }, fixed(value, decimals)));
  const body = panel.rows.map((row) => {
    const own = row.figures;
    const by = own?.measures[measure.name];
    const has = row.generator.network !== "";
    return html("tr", {}, html("th", { scope: "row" }, row.generator.title),
      number(by?.savingPercent, 1, "not known"),
      number(by && spent(by) / 1e6, 2, "not known"),
      html("td", { class: "number" }, row.accuracy ? accuracyText(row.accuracy).replace(" %", "") : "not known"),
      number(own?.totalMs, 3, "not known"), number(own?.overheadPercent, 1, "not known"),
      has ? number(by?.breakEvenVoltage, 4, by ? "never" : "not known") : html("td", { class: "number" }, "always"),
      ...(withDram ? [has ? number(own?.breakEvenDram, 2) : html("td", { class: "number" }, "any")] : []));
  });
  return html("table", {}, html("thead", {}, html("tr", {}, ...head.map((words, index) => html("th", index ? { scope: "col", class: "number" } : { scope: "col" }, words)))),
    html("tbody", {}, ...body));
}
