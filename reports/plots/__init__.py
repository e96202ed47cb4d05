"""Plots: one module each, a function from records to a matplotlib figure; `style` draws and saves them."""
