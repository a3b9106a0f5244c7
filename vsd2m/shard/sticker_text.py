"""The text of a sticker: the same for a tar's `txt`, for training a generator and for benchmark prompts."""

from collections.abc import Mapping
from typing import Any


def sticker_text(row: Mapping[str, Any]) -> str:
    """The caption, or else the first given one, or else the description, or else the words; "" without any of them.

    `row` has the columns `caption`, `given_captions`, `description` and `trigger_words`, as far as the data set has
    them.
    """
    given_caption = next(iter(row.get("given_captions") or []), "")
    return row.get("caption") or given_caption or row.get("description") or ", ".join(row.get("trigger_words") or [])
