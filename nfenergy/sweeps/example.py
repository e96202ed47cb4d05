"""What ``nfenergy sweep --example`` prints."""

EXAMPLE = """\
# A sweep is the cross product of everything listed here. Every list may have one entry or many;
# what is left out has the default that stands behind it.
bases: [resnet18, vgg19]            # `nfenergy list bases`
generators: [none, convs, unets]    # default [none]: the base model alone
datasets: [cifar10]                 # default [cifar10]; `nfenergy list datasets`
conventions: [paper]                # default [paper]; or exact
# deconvolution: subpixel           # default null: the convention's own mapping
arrays: [16x16, 32x32, 64x32]       # default [32x32]; or {rows: [16, 32], cols: [16, 32]} for all pairs
dataflows: [os, ws, is]             # default [os]
sram_kb: [64, [64, 128, 64]]        # default [64]; one size for all SRAMs, or ifmap, filter and ofmap
weight_bits: [8]                    # default [8]
curves: [stutz2021-14nm]            # default [stutz2021-14nm]; or YAML or CSV files beside this one
assume_v2: false                    # default false; true: a file without energies follows V^2
voltages: [0.7917, 0.8333, 0.875]   # relative to Vmin; or instead: bit_error_rates: [1%, 0.5%]
energy_tables: [horowitz2014-45nm]  # default [horowitz2014-45nm]; or YAML files beside this one; [] for none
residents: [none]                   # default [none]: what stays on chip; or weights or all
# dram: lpddr4                      # default null: each table's own kind
access: word                        # default word; or value
low_voltage: weight-sram            # default weight-sram; or weight-sram,activation-sram
leakage: false                      # default false; true needs tables that have it, and takes longer
activation_bits: 8                  # default 8
base_width: 1.0                     # default 1.0: factor on the base models' channels
clock_ghz: 1.0                      # default 1.0
engine: closed-form                 # default closed-form; or scalesim or both
seed: 0                             # default 0: chooses the layers that --verify simulates
"""
