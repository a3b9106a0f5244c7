"""Stickers from shards as clips, for training."""
