"""What the run says to people: savings merged with accuracy, the Pareto front, plots, tables, a page."""
