"""Tags: the words that a prior knows, and the search for them in a prompt."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence


def tag_names(tags: Iterable[Sequence[str]], *, max_tags: int) -> tuple[str, ...]:
    """The most frequent tags of the stickers, in lower case; ties are in alphabetical order."""
    counts = Counter(tag.lower() for sticker_tags in tags for tag in set(sticker_tags))
    ranked = sorted(counts, key=lambda tag: (-counts[tag], tag))
    return tuple(ranked[:max_tags])


def tag_numbers(tags: Sequence[str], names: Sequence[str]) -> list[int]:
    """Numbers of the known `tags`, ascending, counted from 1."""
    rows = {name: row for row, name in enumerate(names, start=1)}
    return sorted({rows[tag.lower()] for tag in tags if tag.lower() in rows})


def tags_in(text: str, names: Sequence[str]) -> list[str]:
    """The names that occur in `text`, as whole words in languages with spaces between words; overlapping names such as
    "good night" and "night" both count."""
    lowered = text.lower()
    return [name for name in names if _stands_in(name, lowered)]


def _stands_in(name: str, text: str) -> bool:
    if not name.isascii():  # Chinese has no spaces
        return name in text
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, flags=re.ASCII) is not None
