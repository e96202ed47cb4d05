/* The explorer's plots. Each is drawn anew at the width of its place, so that text keeps its size. */

const LINE_HEIGHT = 15;
const CHARACTER = 7.3;
const STEPS = 60;

/** A drawing as wide as its place; dragging across it moves the voltage where `x` is given. */
function drawing(place, height, label) {
  const width = Math.max(place.clientWidth, 240);
  const drawn = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  place.replaceChildren(drawn);
  return [drawn, width];
}

const voltages = (curve) => [curve.points[0][0], curve.points[curve.points.length - 1][0]];

/** The voltage as a line through a plot, and where the pointer puts it. */
function cursor(drawn, frame, x, domain, voltage) {
  drawn.append(line(x(voltage), frame.top, x(voltage), frame.bottom, "cursor"));
  drawn.dataset.drag = JSON.stringify({ left: x(domain[0]), right: x(domain[1]), domain });
}

/** Bit error rate over voltage, and below it the accuracies that were measured. */
function curvePlot(place, data, state, shown) {
  const measured = data.accuracies.filter((row) => row.base === state.base && state.generators.includes(row.generator));
  const heights = measured.length > 0 ? [120, 170] : [150, 0];
  const gap = measured.length > 0 ? 40 : 0;
  const [drawn, width] = drawing(
    place, heights[0] + heights[1] + gap + 64,
    `Bit error rate over supply voltage by curve ${data.curve.name}, and measured accuracies of ${shown.base.title}`,
  );
  const domain = voltages(data.curve);
  const frame = { left: 52, right: width - 14, top: 24, bottom: 24 + heights[0] };
  const x = scale(domain, [frame.left + 8, frame.right - 8]);
  const rates = data.curve.points.filter((point) => point[1] > 0);
  const range = [Math.log10(rates[rates.length - 1][1]) - 0.5, Math.log10(rates[0][1]) + 0.2];
  const log = scale(range, [frame.bottom, frame.top]);
  const y = (percent) => log(Math.log10(percent));
  const powers = ticks(range, 4).filter(Number.isInteger).map((power) => 10 ** power);
  drawn.append(text("bit error rate (%)", 4, 12, { class: "name" }));
  drawn.append(yAxis(frame, y, powers));
  drawn.append(svg("path", { class: "curve", d: path(rates.map((point) => [x(point[0]), y(point[1])])) }));
  const last = rates[rates.length - 1];
  drawn.append(svg("path", { class: "curve unknown", d: path([[x(last[0]), y(last[1])], [x(domain[1]), frame.bottom]]) }));
  rates.forEach((point) => drawn.append(svg("circle", { class: "point", cx: x(point[0]), cy: y(point[1]), r: 3 })));
  if (shown.point.rate > 0) {
    drawn.append(svg("circle", { class: "ring", cx: x(state.voltage), cy: y(100 * shown.point.rate), r: 6.5 }));
  }
  const below = { ...frame, top: frame.bottom + gap, bottom: frame.bottom + gap + heights[1] };
  if (measured.length > 0) {
    accuracyMarks(drawn, below, x, data, state, measured);
  }
  drawn.append(voltageAxis(below, x, domain));
  cursor(drawn, { top: frame.top, bottom: below.bottom }, x, domain, state.voltage);
}

/** Means with their standard deviations, side by side where they are of one voltage. */
function accuracyMarks(drawn, frame, x, data, state, measured) {
  const y = scale([0, 100], [frame.bottom, frame.top]);
  drawn.append(text("accuracy (%)", 4, frame.top - 12, { class: "name" }), yAxis(frame, y, [0, 25, 50, 75, 100]));
  const chosen = data.generators.filter(({ id }) => state.generators.includes(id));
  const places = [...new Set(measured.map((row) => x(row.voltage)))].sort((a, b) => a - b);
  const nearest = Math.min(...places.slice(1).map((place, index) => place - places[index]));
  const step = Math.min(8, nearest / (chosen.length + 1));
  chosen.forEach((generator, index) => {
    const shift = (index - (chosen.length - 1) / 2) * step;
    const own = measured.filter((other) => other.generator === generator.id).sort((a, b) => a.voltage - b.voltage);
    const alone = (row) => measured.filter((other) => other.voltage === row.voltage).length === 1;
    const across = (row) => Math.min(x(row.voltage) + (alone(row) ? 0 : shift), frame.right - 4);
    drawn.append(svg("g", look(generator), svg("path", { class: "lead", d: path(own.map((row) => [across(row), y(row.percent)])) })));
    for (const row of own) {
      const at = across(row);
      const ends = [row.percent - row.deviation, row.percent + row.deviation].map((end) => y(Math.min(Math.max(end, 0), 100)));
      const words = `${generator.title}: ${row.percent.toFixed(1)} ± ${row.deviation.toFixed(1)} %`;
      drawn.append(svg("g", look(generator), line(at, ends[0], at, ends[1], "error"),
        svg("circle", { cx: at, cy: y(row.percent), r: 4 }), svg("title", {}, words)));
    }
  });
}

/** Room in pixels for the longest of some texts, up to a sensible share. */
const longest = (texts) => Math.min(CHARACTER * Math.max(...texts.map((words) => words.length), 1), 150);
const path = (points) => points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/** The saving of every row at all voltages. */
function savingLines(data, state, panel) {
  const [from, to] = voltages(data.curve);
  const steps = Array.from({ length: STEPS + 1 }, (_, index) => (index === STEPS ? to : from + ((to - from) * index) / STEPS));
  const base = data.bases.find(({ id }) => id === state.base);
  return panel.rows.map((row) => ({ ...row, points: savingLine(data, panel.array, base, row.generator, state, steps) }))
    .filter(({ points }) => points.length > 0);
}

/** What every panel's savings span, rounded outwards. */
function savingRange(lines) {
  const all = lines.flat().flatMap(({ points }) => points.map(([, saving]) => saving));
  const [low, high] = [Math.min(0, ...all), Math.max(1, ...all)];
  return [low - (low < 0 ? 0.04 : 0) * (high - low), high + 0.04 * (high - low)];
}

/** Saving over voltage, a line a generator, with what it costs below zero. */
function savingPlot(place, data, state, lines, range, title) {
  const [drawn, width] = drawing(place, 300, `Saving by ${title} over supply voltage: ${lines.map(lineWords).join("; ")}`);
  const room = 30 + longest(lines.map(({ generator }) => generator.title));
  const frame = { left: 46, right: width - room, top: 24, bottom: 252 };
  const domain = voltages(data.curve);
  const x = scale(domain, [frame.left + 8, frame.right]);
  const y = scale(range, [frame.bottom, frame.top]);
  drawn.append(text(`saving by ${title} (%)`, 4, 12, { class: "name" }));
  drawn.append(svg("rect", { class: "loss", x: frame.left, y: y(0), width: frame.right - frame.left, height: Math.max(frame.bottom - y(0), 0) }));
  if (frame.bottom - y(0) > 22) {
    drawn.append(text("costs more than it saves", frame.left + 8, frame.bottom - 7, { class: "note" }));
  }
  drawn.append(yAxis(frame, y, ticks(range, 7)), line(frame.left, y(0), frame.right, y(0), "zero"));
  const ends = spread(lines.map(({ points }) => y(points[points.length - 1][1])), LINE_HEIGHT, [frame.top, frame.bottom]);
  lines.forEach((row, index) => {
    const last = row.points[row.points.length - 1];
    const own = svg("g", look(row.generator));
    own.append(svg("path", { class: "stroke", d: path(row.points.map(([voltage, saving]) => [x(voltage), y(saving)])) }));
    own.append(svg("path", { class: "lead", d: path([[x(last[0]) + 2, y(last[1])], [frame.right + 14, ends[index]], [frame.right + 18, ends[index]]]) }));
    own.append(text(row.generator.title, frame.right + 21, ends[index] + 4));
    const now = row.figures?.measures[state.measure]?.savingPercent;
    if (now !== undefined) {
      own.append(svg("circle", { cx: x(state.voltage), cy: y(now), r: 4 }, svg("title", {}, lineWords(row))));
    }
    drawn.append(own);
  });
  drawn.append(voltageAxis(frame, x, domain));
  cursor(drawn, frame, x, domain, state.voltage);

  function lineWords({ generator, figures: own }) {
    const now = own?.measures[state.measure]?.savingPercent;
    return `${generator.title} ${now === undefined ? "not known" : `${now.toFixed(1)} %`}`;
  }
}

/** Parts of what is spent, in percent of the base model at Vmin: the base model's by domain, and the generator. */
function spentParts(data, measure, own) {
  const by = own.measures[measure.name];
  const whole = by.base / 100;
  if (measure.domains.length === 0 || own.domains === null) {
    return [["base", "base model", by.baseLow / whole], ["generator", "generator", by.generator / whole]];
  }
  const domains = data.domains.filter(({ name }) => measure.domains.includes(name) && own.domains.base[name]);
  const parts = domains.map(({ name, title }) => [name, title, own.domains.low[name] / whole]);
  return [...parts, ["generator", "generator", by.generator / whole]];
}

/** Where the energy goes: a bar at Vmin, and one for every row. */
function energyBars(place, data, measure, rows, most) {
  const bars = rows.filter((row) => row.figures?.measures[measure.name])
    .map((row) => ({ title: row.generator.title, parts: spentParts(data, measure, row.figures) }));
  if (bars.length === 0) {
    place.replaceChildren();
    return;
  }
  const height = 30 + bars.length * 26 + 22;
  const [drawn, width] = drawing(place, height, `What is spent, in percent of the base model at Vmin: ${bars
    .map(({ title, parts }) => `${title} ${sum(parts.map((part) => part[2])).toFixed(1)} %`).join("; ")}`);
  const frame = { left: 10 + longest(bars.map(({ title }) => title)), right: width - 48, top: 22, bottom: height - 24 };
  const x = scale([0, most], [frame.left, frame.right]);
  drawn.append(text("spent, in % of the base model at Vmin", 4, 12, { class: "name" }));
  for (const value of ticks([0, most], width > 460 ? 5 : 3)) {
    drawn.append(line(x(value), frame.top, x(value), frame.bottom, "grid"));
    drawn.append(text(shorter(value), x(value), frame.bottom + 15, { "text-anchor": "middle", class: "axis" }));
  }
  bars.forEach(({ title, parts }, index) => {
    const top = frame.top + 6 + index * 26;
    drawn.append(text(title, frame.left - 7, top + 13, { "text-anchor": "end" }));
    let from = 0;
    for (const [name, words, value] of parts.filter((part) => part[2] > 0)) {
      drawn.append(svg("rect", { class: "part", "data-part": name, x: x(from), y: top, width: Math.max(x(from + value) - x(from) - 1, 0.5), height: 17 },
        svg("title", {}, `${title}: ${words} ${value.toFixed(1)} %`)));
      from += value;
    }
    drawn.append(text(from.toFixed(1), width - 4, top + 13, { class: "value", "text-anchor": "end" }));
  });
  drawn.append(line(x(100), frame.top, x(100), frame.bottom, "zero"));
}
