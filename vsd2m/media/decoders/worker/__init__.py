"""Decoders that run in a process of their own, because their libraries cannot be stopped or may crash."""
