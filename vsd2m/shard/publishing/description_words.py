"""Words of English descriptions, for counting."""

import re
from collections import Counter
from collections.abc import Iterable

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")

# Function words say nothing about stickers; the paper's word figure omits them too.
_STOP_WORDS = (
    "a about above after again all also an and any are as at be because been before being below between both but by "
    "can could did do does doing down during each few for from further had has have having he her here hers him his "
    "how i if in into is it it's its itself just like me more most my no nor not now of off on once one only or other "
    "our out over own same seems she should so some such than that the their them then there these they this those "
    "through to too two under until up upon very was we were what when where which while who whom why will with "
    "within without would you your"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())


def num_words(text: str) -> int:
    """Words separated by white space."""
    return len(text.split())


def count_words(texts: Iterable[str]) -> Counter[str]:
    """The number of texts in which each English word occurs, without stop words and single letters."""
    counts: Counter[str] = Counter()
    for text in texts:
        words = set(_WORD.findall(text.lower()))
        counts.update(word for word in words if len(word) > 1 and word not in STOP_WORDS)
    return counts
