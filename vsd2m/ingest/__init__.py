"""Brings in stickers without a web server: folders, archives, data sets on disk, sticker packs."""
