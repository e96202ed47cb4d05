"""nfenergy: energy, accuracy and latency of accelerators with low-voltage weight SRAM and NeuralFuse."""
