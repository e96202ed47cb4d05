"""PyTorch models as SCALE-Sim topologies: trace, lower, write and read."""
