"""Tags: the words a prior knows, and how they are found in a prompt. No torch here."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence


def tag_names(tags: Iterable[Sequence[str]], *, max_tags: int) -> tuple[str, ...]:
    """The most frequent tags of the stickers, in lower case; ties go by the alphabet."""
    counts = Counter(tag.lower() for sticker_tags in tags for tag in set(sticker_tags))
    ranked = sorted(counts, key=lambda tag: (-counts[tag], tag))
    return tuple(ranked[:max_tags])


def tag_numbers(tags: Sequence[str], names: Sequence[str]) -> list[int]:
    """Numbers of the known ones of `tags`, ascending, counted from 1."""
    rows = {name: row for row, name in enumerate(names, start=1)}
    return sorted({rows[tag.lower()] for tag in tags if tag.lower() in rows})


def tags_in(text: str, names: Sequence[str]) -> list[str]:
    """The names that stand in `text`, as whole words where they are written with spaces between words; of "good night"
    and "night" both, if both are names."""
    lowered = text.lower()
    return [name for name in names if _stands_in(name, lowered)]


def _stands_in(name: str, text: str) -> bool:
    if not name.isascii():  # Chinese has no spaces
        return name in text
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, flags=re.ASCII) is not None
