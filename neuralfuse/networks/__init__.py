"""Base models and NeuralFuse generators, written with ``nn.ReLU`` modules so that ptflops sees them."""
