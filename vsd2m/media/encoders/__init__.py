"""Encoders, one file per format."""
