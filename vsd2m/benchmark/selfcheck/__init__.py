"""Reproduces published values, and compares with independent implementations."""
