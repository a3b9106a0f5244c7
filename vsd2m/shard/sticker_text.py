"""The text of a sticker: what a tar's `txt` holds, a generator is trained on, and a benchmark prompts with."""

from collections.abc import Mapping
from typing import Any


def sticker_text(row: Mapping[str, Any]) -> str:
    """The caption; where there is none the description, then the trigger words; "" where there is nothing.

    `row` has the columns `caption`, `description` and `trigger_words`, or those of them that the data set has.
    """
    return row.get("caption") or row.get("description") or ", ".join(row.get("trigger_words") or [])
