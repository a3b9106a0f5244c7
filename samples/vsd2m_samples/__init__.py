"""Stickers drawn with known contents, and faults planted among them, for the demo and the tests of vsd2m."""
