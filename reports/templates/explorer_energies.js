"use strict";

/*
 * Energy by domain from a network's counts: the formulas of energy/accesses.py, domains.py and the power law of
 * energy_tables.py. Names are theirs. Nothing here knows the page.
 */

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** A figure of a memory by its capacity, straight in log-log between neighbouring sizes. */
function powerLaw(law, capacity) {
  const { kb, values } = law;
  if (values.length === 1) {
    return values[0];
  }
  let lower = 0;
  while (lower < kb.length - 2 && kb[lower + 1] <= capacity) {
    lower += 1;
  }
  const exponent = Math.log(values[lower + 1] / values[lower]) / Math.log(kb[lower + 1] / kb[lower]);
  return values[lower] * (capacity / kb[lower]) ** exponent;
}

/** Memory accesses for one value; no value straddles two words if it fits into one. */
function accessesPerValue(access, valueBits, accessBits) {
  if (valueBits > accessBits) {
    return Math.ceil(valueBits / accessBits);
  }
  return access === "word" ? 1 / Math.floor(accessBits / valueBits) : 1;
}

/** Capacities in kB: as built, or larger where more stays on chip than fits. */
function residentSizes(sizes, extents, residency, setting) {
  if (residency === "none") {
    return sizes;
  }
  const kb = (values, bits) => (values * bits) / 8 / 1024;
  const weights = kb(extents.weights, setting.weightBits);
  if (residency === "weights") {
    return { ...sizes, weight_sram: Math.max(sizes.weight_sram, weights) };
  }
  const operands = weights + kb(extents.largest_operand, setting.activationBits);
  return {
    weight_sram: Math.max(sizes.weight_sram, operands),
    ifmap_sram: Math.max(sizes.ifmap_sram, kb(extents.largest_ifmap, setting.activationBits)),
    ofmap_sram: Math.max(sizes.ofmap_sram, kb(extents.largest_ofmap, setting.activationBits)),
  };
}

/** Every memory's reads and writes: [memory, action, domain, values, they are weights]. */
function memoryAccesses(traffic, residency) {
  const stays = residency === "all";
  const weightFills = residency === "none" ? traffic.weight_fills : 0;
  const operandFills = stays ? 0 : traffic.operand_fills;
  const ifmapFills = stays ? traffic.input_fills : traffic.ifmap_fills;
  const drains = stays ? traffic.output_drains : traffic.ofmap_drains;
  return [
    ["weight_sram", "read", "weight_sram", traffic.weight_reads, true],
    ["weight_sram", "write", "weight_sram", weightFills, true],
    ["weight_sram", "read", "activation_sram", traffic.operand_reads, false],
    ["weight_sram", "write", "activation_sram", operandFills, false],
    ["ifmap_sram", "read", "activation_sram", traffic.ifmap_reads, false],
    ["ifmap_sram", "write", "activation_sram", ifmapFills, false],
    ["ofmap_sram", "write", "activation_sram", traffic.ofmap_writes, false],
    ["ofmap_sram", "read", "activation_sram", drains, false],
    ["dram", "read", "dram", weightFills, true],
    ["dram", "read", "dram", operandFills, false],
    ["dram", "read", "dram", ifmapFills, false],
    ["dram", "write", "dram", drains, false],
  ];
}

/** Energy of one inference by domain at nominal voltage, in the table's unit; null where it is not known. */
function domainEnergies(network, array, table, residency, setting) {
  if (!table) {
    return null;
  }
  if (!network.traffic) {
    return network.energies[`${table.name} ${residency}`] ?? null;
  }
  const { traffic } = network;
  const sizes = residentSizes(array.sizes, network.extents, residency, setting);
  const energies = { weight_sram: 0, activation_sram: 0, logic: traffic.macs * table.energyPerMac, dram: 0 };
  for (const [memory, action, domain, values, weights] of memoryAccesses(traffic, residency)) {
    const bits = weights ? setting.weightBits : setting.activationBits;
    energies[domain] += memory === "dram"
      ? values * (bits * table.dramPerBit)
      : values * accessesPerValue(setting.access, bits, table.accessBits) * powerLaw(table[action], sizes[memory]);
  }
  if (table.leakage) {
    const nanoseconds = traffic.cycles / setting.clockGhz;
    const power = (memory) => powerLaw(table.leakage, sizes[memory]);
    energies.weight_sram_leakage = power("weight_sram") * nanoseconds;
    energies.activation_sram_leakage = (power("ifmap_sram") + power("ofmap_sram")) * nanoseconds;
  }
  return energies;
}

/** Energy of every domain of the base model at an operating point. */
function lowEnergies(energies, point, setting) {
  const scale = (domain) => {
    if (setting.lowVoltage.includes(domain)) {
      return point.energy;
    }
    const leaks = setting.lowVoltage.includes(domain.replace(/_leakage$/, ""));
    return leaks ? point.voltage ** setting.leakageExponent : 1;
  };
  return Object.fromEntries(Object.entries(energies).map(([domain, energy]) => [domain, energy * scale(domain)]));
}

/** Bits that a network exchanges with DRAM. */
function dramBits(traffic, residency, setting) {
  const own = memoryAccesses(traffic, residency).filter(([memory]) => memory === "dram");
  return sum(own.map(([, , , values, weights]) => values * (weights ? setting.weightBits : setting.activationBits)));
}
