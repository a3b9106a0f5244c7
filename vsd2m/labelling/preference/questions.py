"""The study's questions: two about the best of several stickers, and five aspects of one sticker, rated from 1 to 5."""

from vsd2m.labelling.application.screens import Kind, Question

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
