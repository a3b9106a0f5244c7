"""Neural networks that annotators and metrics share, and workarounds for loading their libraries."""
