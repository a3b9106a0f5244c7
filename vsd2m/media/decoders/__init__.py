"""Decoders, one file per format."""
