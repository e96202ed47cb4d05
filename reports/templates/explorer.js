/* The explorer: choices in, figures out. The state lives in the controls, and a copy of it in the address. */

const explorer = (() => {
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const section = document.getElementById("explorer");
  const form = document.getElementById("explorer-form");
  const slider = document.getElementById("explorer-voltage");
  const SINGLE = ["base", "measure", "table", "residency", "array", "against"];
  const MARK = "#explore?";
  let waiting = 0;
  let held = null;

  /** What the controls say. */
  function state() {
    const chosen = new FormData(form);
    const found = Object.fromEntries(SINGLE.map((name) => [name, chosen.get(name) ?? ""]));
    const against = found.against === found.array ? "" : found.against;
    return { ...found, against, generators: chosen.getAll("generators"), voltage: Number(slider.value) };
  }

  /** Put a value into a select or the radio buttons of a name, where they offer it. */
  function choose(name, value) {
    const select = section.querySelector(`select[name=${name}]`);
    if (select && Array.from(select.options).some((option) => option.value === value)) {
      select.value = value;
    }
    for (const button of section.querySelectorAll(`input[type=radio][name=${name}]`)) {
      button.checked = button.checked || button.value === value;
    }
  }

  /** Put a state into the controls and show it; what is missing or not offered stays as it was. */
  function set(wanted) {
    SINGLE.filter((name) => name in wanted).forEach((name) => choose(name, wanted[name]));
    for (const box of wanted.generators ? section.querySelectorAll("[name=generators]") : []) {
      box.checked = wanted.generators.includes(box.value);
    }
    if (Number.isFinite(wanted.voltage)) {
      slider.value = String(wanted.voltage);
    }
    render();
  }

  /** The state in an address, and back; null for an address that holds none. */
  function address() {
    const { generators, ...rest } = state();
    const words = Object.entries({ ...rest, generators: generators.join(",") });
    return MARK + words.map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",")}`).join("&");
  }

  function parsed(hash) {
    if (!hash.startsWith(MARK)) {
      return null;
    }
    const { generators, voltage, ...found } = Object.fromEntries(new URLSearchParams(hash.slice(MARK.length)));
    return {
      ...found,
      ...(generators === undefined ? {} : { generators: generators.split(",") }),
      ...(voltage ? { voltage: Number(voltage) } : {}),
    };
  }

  /** Browsers allow few changes of the address a second: it is written once the view rests. */
  function remember() {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(() => {
      window.history.replaceState(null, "", address());
      const said = Array.from(section.querySelectorAll(".verdict"), (place) => place.textContent);
      document.getElementById("explorer-said").textContent = said.join(" ");
    }, 300);
  }

  function render() {
    // A disabled option is no part of the state: first this.
    for (const option of form.elements.against.options) {
      option.disabled = option.value === form.elements.array.value;
    }
    const now = state();
    const shown = figures(data, now);
    const measure = data.measures.find(({ name }) => name === now.measure);
    pointWords(now, shown);
    curvePlot(document.getElementById("explorer-curve"), data, now, shown);
    panels(data, now, shown, measure);
  }

  function pointWords(now, { point }) {
    const rate = point.rate === 0 ? "no bit errors" : `${point.isBound ? "below " : ""}${percentText(point.rate)} bit errors`;
    const words = `${now.voltage.toFixed(4)} of Vmin: ${rate}, ${percentText(point.energy)} of the energy per access`;
    document.getElementById("explorer-point").textContent = words;
    slider.setAttribute("aria-valuetext", words);
    for (const button of section.querySelectorAll("[data-voltage]")) {
      button.setAttribute("aria-pressed", isSameVoltage(Number(button.dataset.voltage), now.voltage));
    }
  }

  /** The next measured voltage above or below. */
  function neighbour(direction) {
    const now = Number(slider.value);
    const all = data.curve.points.map(([voltage]) => voltage).filter((voltage) => !isSameVoltage(voltage, now));
    return direction > 0 ? all.find((voltage) => voltage > now) : all.filter((voltage) => voltage < now).pop();
  }

  function listen() {
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const place of [form, slider]) {
      place.addEventListener("input", () => { render(); remember(); });
    }
    slider.addEventListener("keydown", (event) => {
      const direction = { PageUp: 1, PageDown: -1 }[event.key];
      if (direction) {
        event.preventDefault();
        move(neighbour(direction));
      }
    });
    section.addEventListener("click", ({ target }) => {
      if (target.dataset.voltage) {
        move(Number(target.dataset.voltage));
      }
    });
    document.getElementById("explorer-copy").addEventListener("click", copyAddress);
    section.addEventListener("pointerdown", grasp);
    section.addEventListener("pointermove", drag);
    section.addEventListener("pointerup", () => { held = null; });
    section.addEventListener("pointercancel", () => { held = null; });
    window.addEventListener("hashchange", () => {
      const found = parsed(window.location.hash);
      if (found) {
        set(found);
      }
    });
    let width = section.clientWidth;
    new ResizeObserver(() => {
      if (section.clientWidth !== width) {
        width = section.clientWidth;
        render();
      }
    }).observe(section);
  }

  function move(voltage) {
    if (voltage !== undefined) {
      slider.value = String(voltage);
      render();
      remember();
    }
  }

  /** Take hold of a plot. It is drawn anew while it is dragged: the section keeps the pointer. */
  function grasp(event) {
    const drawn = event.target.closest("[data-drag]");
    if (drawn && event.button === 0) {
      held = { ...JSON.parse(drawn.dataset.drag), from: drawn.getBoundingClientRect().left };
      section.setPointerCapture(event.pointerId);
      drag(event);
    }
  }

  function drag(event) {
    if (held) {
      const { left, right, domain, from } = held;
      move(Math.min(Math.max(scale([left, right], domain)(event.clientX - from), domain[0]), domain[1]));
    }
  }

  async function copyAddress({ target }) {
    window.history.replaceState(null, "", address());
    const words = target.textContent;
    try {
      await navigator.clipboard.writeText(window.location.href);
      target.textContent = "Copied";
    } catch {
      target.textContent = "It stands in the address bar";
    }
    window.setTimeout(() => { target.textContent = words; }, 2000);
  }

  section.hidden = false;
  document.querySelector("nav a[href='#explorer']").hidden = false;
  const given = parsed(window.location.hash);
  set({ ...data.initial, ...given });
  listen();
  if (given) {
    section.scrollIntoView();
  }
  return { data, state, set, address, parsed, figures: () => figures(data, state()) };
})();
