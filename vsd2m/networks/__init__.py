"""Neural networks that annotators and metrics share, and what their libraries need in order to load."""
