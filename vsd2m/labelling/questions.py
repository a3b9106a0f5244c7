"""What labellers are asked: the best of several stickers (two questions), and five aspects of one sticker (1 to 5)."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["choose", "rate"]
MAX_RATING = 5


@dataclass(frozen=True)
class Question:
    """`name` is stored; labellers read `text` and, below it, `hint`."""

    name: str
    text: str
    hint: str


BEST_OF = (
    Question("quality", "Which sticker has the best quality?", "Sharp, well drawn, without errors in the motion."),
    Question("interest", "Which sticker is the most interesting?", "The one you would enjoy sending or getting."),
)

ASPECTS = (
    Question("distribution_consistency", "Distribution consistency", "Looks like a real sticker that people send."),
    Question("temporal_consistency", "Temporal consistency", "The motion is coherent; nothing flickers or melts."),
    Question("semantic_relevance", "Semantic relevance", "Shows what the text says."),
    Question("visual_quality", "Visual quality", "Every frame is clear and well drawn."),
    Question("favourability", "Favourability", "You like it overall."),
)

QUESTIONS: dict[Kind, tuple[Question, ...]] = {"choose": BEST_OF, "rate": ASPECTS}
