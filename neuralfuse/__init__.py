"""Networks, quantization, bit errors and the training of NeuralFuse generators."""
