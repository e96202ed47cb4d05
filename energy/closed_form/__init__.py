"""The engine ``closed-form``: SCALE-Sim's figures from formulas."""
