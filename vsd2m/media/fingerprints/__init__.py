"""Fingerprints of animations: hashes and small pictures for finding near duplicates."""
