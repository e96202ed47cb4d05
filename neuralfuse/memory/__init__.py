"""The weight memory: bit errors, fault maps, and networks whose weights lie in it."""
