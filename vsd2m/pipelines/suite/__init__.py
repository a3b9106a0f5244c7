"""Whole benchmark runs: checkpoints generate stickers for prompts, metrics score them, one table."""
