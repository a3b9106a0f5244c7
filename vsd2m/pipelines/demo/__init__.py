"""The demo, and the comparison of its results with the truth file."""
