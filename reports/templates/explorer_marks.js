/* Marks of the explorer's plots: SVG elements, axes, and labels that keep clear of each other. */

/** An SVG element. */
function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** An HTML element. */
function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** A linear scale from a domain to pixels. */
function scale([from, to], [start, end]) {
  return (value) => start + ((value - from) / (to - from)) * (end - start);
}

/** Round numbers that cover a range in about so many steps. */
function ticks([from, to], count) {
  const rough = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const first = Math.ceil(from / step - 1e-9);
  return Array.from({ length: Math.floor(to / step + 1e-9) - first + 1 }, (_, index) => (first + index) * step);
}

const text = (words, x, y, attributes = {}) => svg("text", { x, y, ...attributes }, words);
const line = (x1, y1, x2, y2, className) => svg("line", { x1, y1, x2, y2, class: className });
const shorter = (number) => String(Number(number.toPrecision(6)));

/** Horizontal grid lines with their numbers. */
function yAxis(frame, y, values, name = shorter) {
  const group = svg("g", { class: "axis" });
  for (const value of values) {
    group.append(line(frame.left, y(value), frame.right, y(value), "grid"));
    group.append(text(name(value), frame.left - 6, y(value) + 4, { "text-anchor": "end" }));
  }
  return group;
}

/** The voltage axis below a plot. */
function voltageAxis(frame, x, domain) {
  const group = svg("g", { class: "axis" });
  for (const value of ticks(domain, frame.right - frame.left > 420 ? 6 : 3)) {
    group.append(line(x(value), frame.bottom, x(value), frame.bottom + 4, "tick"));
    group.append(text(shorter(value), x(value), frame.bottom + 17, { "text-anchor": "middle" }));
  }
  const middle = (frame.left + frame.right) / 2;
  group.append(text("supply voltage / Vmin", middle, frame.bottom + 33, { "text-anchor": "middle" }));
  return group;
}

/** Heights that keep `gap` between labels, as near to those wanted as that allows. */
function spread(wanted, gap, [top, bottom]) {
  const order = wanted.map((_, index) => index).sort((a, b) => wanted[a] - wanted[b]);
  const found = [...wanted];
  order.forEach((index, place) => {
    const above = place === 0 ? top : found[order[place - 1]] + gap;
    found[index] = Math.max(found[index], above);
  });
  [...order].reverse().forEach((index, place) => {
    const below = place === 0 ? bottom : found[order[order.length - place]] - gap;
    found[index] = Math.min(found[index], below);
  });
  return found;
}

/** The style of a generator's marks. */
function look(generator) {
  return { class: "series", "data-tone": generator.tone, ...(generator.dashed ? { "data-dashed": "" } : {}) };
}
