"""Stickers drawn by code: characters that act, photographs that move, lettering."""
