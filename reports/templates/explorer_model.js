/*
 * Operating points, savings and verdict: the formulas of energy/curve.py, measures.py, savings.py and
 * break_even.py and of reports/verdict.py. Names are theirs. Nothing here knows the page.
 */

const between = (low, high, share) => low + share * (high - low);

/** The operating point at a voltage relative to Vmin; points are [voltage, bit error rate in %, energy]. */
function operatingPoint(curve, voltage) {
  const upper = Math.max(curve.points.findIndex((point) => point[0] >= voltage), 0);
  const [above, below] = [curve.points[upper], curve.points[Math.max(upper - 1, 0)]];
  if (above[0] === voltage) {
    return { voltage, rate: above[1] / 100, isBound: false, energy: above[2] };
  }
  const share = (voltage - below[0]) / (above[0] - below[0]);
  const energy = between(below[2], above[2], share);
  if (above[1] === 0) {
    return { voltage, rate: below[1] / 100, isBound: true, energy };
  }
  const exponent = between(Math.log10(below[1]), Math.log10(above[1]), share);
  return { voltage, rate: 10 ** (exponent - 2), isBound: false, energy };
}

/** The highest voltage with at most this energy per access; null below the measured range. */
function voltageAtEnergy(curve, energy) {
  const { points } = curve;
  if (energy >= points[points.length - 1][2]) {
    return points[points.length - 1][0];
  }
  if (energy < points[0][2]) {
    return null;
  }
  const upper = points.findIndex((point) => point[2] > energy);
  const [below, above] = [points[upper - 1], points[upper]];
  return between(below[0], above[0], (energy - below[2]) / (above[2] - below[2]));
}

/** What a network costs by a measure, and which part of it follows the voltage; null where it is not known. */
function costs(measure, network, energies, setting) {
  if (measure.domains.length === 0) {
    const [nominal, lowered] = network.accesses[measure.name] ?? [];
    return nominal === undefined ? null : { nominal, lowered, leaking: 0 };
  }
  if (energies === null) {
    return null;
  }
  const of = (domains) => sum(domains.map((domain) => energies[domain] ?? 0));
  const lowered = measure.lowered.filter((domain) => setting.lowVoltage.includes(domain));
  return {
    nominal: of(measure.domains),
    lowered: of(lowered),
    leaking: of(lowered.map((domain) => `${domain}_leakage`)),
  };
}

const NOTHING = { nominal: 0, lowered: 0, leaking: 0 };

/** What the base model costs at an operating point. */
function lowCost(base, point, setting) {
  const leaking = base.leaking * point.voltage ** setting.leakageExponent;
  return base.lowered * point.energy + leaking + (base.nominal - base.lowered - base.leaking);
}

/** What the low voltage saves by a measure behind a generator; null where something is not known. */
function savingBy(base, generator, point, curve, setting) {
  if (base === null || generator === null) {
    return null;
  }
  const baseLow = lowCost(base, point, setting);
  return {
    base: base.nominal,
    baseLow,
    generator: generator.nominal,
    savingPercent: (100 * (base.nominal - (baseLow + generator.nominal))) / base.nominal,
    breakEvenVoltage: breakEvenVoltage(base, generator.nominal, curve, setting),
  };
}

/** The highest voltage that saves what the generator costs; null where the curve does not reach it. */
function breakEvenVoltage(base, generator, curve, setting) {
  if (base.leaking === 0) {
    return voltageAtEnergy(curve, 1 - generator / base.lowered);
  }
  const pays = (voltage) => {
    const { energy } = operatingPoint(curve, voltage);
    const leakage = base.leaking * (1 - voltage ** setting.leakageExponent);
    return base.lowered * (1 - energy) + leakage - generator >= 0;
  };
  let [low, high] = [curve.points[0][0], curve.points[curve.points.length - 1][0]];
  if (pays(high)) {
    return high;
  }
  if (!pays(low)) {
    return null;
  }
  for (let halvings = 0; halvings < 60; halvings += 1) {
    const middle = (low + high) / 2;
    [low, high] = pays(middle) ? [middle, high] : [low, middle];
  }
  return low;
}

/** The highest energy of a bit from DRAM at which the generator pays; null where it does not pay without DRAM. */
function breakEvenDram(base, low, generator, bits) {
  const saved = sum(Object.keys(base).map((domain) => (domain === "dram" ? 0 : base[domain] - low[domain])));
  const without = saved - sum(Object.keys(generator).map((domain) => (domain === "dram" ? 0 : generator[domain])));
  return without < 0 ? null : without / bits;
}

/** Base model and generator as they were counted on an array. */
function networks(array, base, generator) {
  const none = { accesses: {}, cycles: 0 };
  return [array.bases[base.network], generator.network ? array.generators[`${generator.network} on ${base.data}`] : none];
}

/** Energies of a network by the chosen table and residency. */
function energiesOf(data, array, network, state) {
  return domainEnergies(network, array, data.tables.find(({ name }) => name === state.table), state.residency, data.setting);
}

/** All figures of one combination on one array. */
function combinationFigures(data, array, base, generator, state, point) {
  const { curve, setting } = data;
  const [behind, ahead] = networks(array, base, generator);
  if (!behind || !ahead) {
    return null;
  }
  const savings = (residency) => {
    const own = energiesOf(data, array, behind, { ...state, residency });
    const spent = generator.network ? energiesOf(data, array, ahead, { ...state, residency }) : null;
    const by = data.measures.map((measure) => {
      const cost = generator.network ? costs(measure, ahead, spent, setting) : NOTHING;
      return [measure.name, savingBy(costs(measure, behind, own, setting), cost, point, curve, setting)];
    });
    return { own, spent, by: Object.fromEntries(by) };
  };
  const { own, spent, by } = savings(state.residency);
  const low = own === null ? null : lowEnergies(own, point, setting);
  const bits = ahead.traffic && own !== null ? dramBits(ahead.traffic, state.residency, setting) : 0;
  return {
    measures: by,
    byResidency: Object.fromEntries(data.residencies.map(({ name }) => [name, savings(name).by])),
    domains: own === null ? null : { base: own, low, generator: spent },
    breakEvenDram: bits > 0 ? breakEvenDram(own, low, spent, bits) : null,
    baseMs: behind.cycles / setting.clockGhz / 1e6,
    totalMs: (behind.cycles + ahead.cycles) / setting.clockGhz / 1e6,
    overheadPercent: (100 * ahead.cycles) / behind.cycles,
  };
}

/** What the page shows in a state: the operating point, and by array the figures of every chosen generator. */
function figures(data, state) {
  const point = operatingPoint(data.curve, state.voltage);
  const base = data.bases.find(({ id }) => id === state.base);
  const arrays = [state.array, state.against].filter(Boolean).map((id) => data.arrays.find((row) => row.id === id));
  const generators = data.generators.filter(({ id }) => state.generators.includes(id));
  const rows = (array) => generators.map((generator) => {
    const found = combinationFigures(data, array, base, generator, state, point);
    return { generator, accuracy: accuracyAt(data, base, generator, point.voltage), figures: found };
  });
  return { point, base, panels: arrays.map((array) => ({ array, rows: rows(array) })) };
}

/** A browser's slider keeps some 15 digits of a voltage. */
const isSameVoltage = (one, other) => Math.abs(one - other) < 1e-9;

/** The accuracy measured at a voltage, else at the next lower voltage, where errors are more; null for none. */
function accuracyAt(data, base, generator, voltage) {
  const own = data.accuracies.filter((row) => row.base === base.id && row.generator === generator.id);
  const lower = own.filter((row) => row.voltage <= voltage || isSameVoltage(row.voltage, voltage)).sort((a, b) => b.voltage - a.voltage);
  return lower.length === 0 ? null : { ...lower[0], isHere: isSameVoltage(lower[0].voltage, voltage) };
}

/** What the saving of weight accesses is of the whole system: reports/verdict.py in the page. */
function verdict(data, byResidency) {
  const percent = (value) => `${value.toFixed(Math.abs(value) < 99.95 ? 1 : 0)} %`;
  const system = (saved) => saved[data.systemMeasure]?.savingPercent;
  const known = data.residencies.filter(({ name }) => system(byResidency[name]) !== undefined);
  if (known.length === 0) {
    return "";
  }
  const parts = known.map(({ name, place }, index) => {
    const saving = system(byResidency[name]);
    return `${percent(saving)}${index === 0 ? " of the system" : ""} ${place}${saving < 0 ? " (a loss)" : ""}`;
  });
  const accesses = byResidency[known[0].name][data.accessMeasure].savingPercent;
  return `${percent(accesses)} of weight accesses are ${parts.join(", ")}`;
}

/** The saving by the chosen measure at many voltages, [voltage, percent]; empty where it is not known. */
function savingLine(data, array, base, generator, state, voltages) {
  const measure = data.measures.find(({ name }) => name === state.measure);
  const [behind, ahead] = networks(array, base, generator);
  if (!behind || !ahead) {
    return [];
  }
  const own = costs(measure, behind, energiesOf(data, array, behind, state), data.setting);
  const spent = generator.network ? costs(measure, ahead, energiesOf(data, array, ahead, state), data.setting) : NOTHING;
  if (own === null || spent === null) {
    return [];
  }
  return voltages.map((voltage) => {
    const low = lowCost(own, operatingPoint(data.curve, voltage), data.setting);
    return [voltage, (100 * (own.nominal - (low + spent.nominal))) / own.nominal];
  });
}
