"""From a topology to energy: simulation engines, MACs, voltage curves, savings."""
