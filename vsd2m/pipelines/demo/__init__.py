"""The demo, and how its results are compared with the truth."""
