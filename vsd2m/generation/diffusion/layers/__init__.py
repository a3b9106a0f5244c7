"""Temporal layers, one file each (`vsd2m/generation/temporal_layers.py` is their registry), and their common parts."""
