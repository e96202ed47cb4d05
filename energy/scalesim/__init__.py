"""The engine ``scalesim``: SCALE-Sim 3.0.0 itself, in child processes, every layer kept on disk."""
