"""Sweeps: the energy saved over a whole design space, one row a combination."""
