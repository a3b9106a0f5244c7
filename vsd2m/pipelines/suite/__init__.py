"""Whole benchmark runs: prompts drawn by checkpoints, judged, one table."""
