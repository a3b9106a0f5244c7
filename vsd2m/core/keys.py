"""Identity is content."""

import hashlib

KEY_LENGTH = 32


def sticker_key(data: bytes) -> str:
    """The first 32 hex digits of the sha256 of a sticker's original bytes."""
    return hashlib.sha256(data).hexdigest()[:KEY_LENGTH]
