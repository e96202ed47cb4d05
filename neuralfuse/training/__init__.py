"""Training of base models and generators, and what it leaves on disk."""
