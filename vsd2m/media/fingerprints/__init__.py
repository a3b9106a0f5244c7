"""Fingerprints of animations: hashes and small pictures that near duplicates are found by."""
