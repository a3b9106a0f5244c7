"""What the lists of custom emoji of federated servers share: one list, no search, and names that are words."""

import re

ALL = "*"
"""The word that stands for the whole list; any other names a category."""


def is_wanted(word: str, category: str) -> bool:
    """Whether an emoji of `category` belongs to what `word` names."""
    return word in (ALL, category)


def words_of(name: str) -> str:
    """A short name as words: `blob_cat-Wave` and `blobCatWave` mean blob cat wave."""
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return " ".join(re.split(r"[\W_]+", parts)).strip().lower() or name
