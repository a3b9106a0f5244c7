"""The prompts of the caption stage: the paper's instruction, and worked examples that show a small model the task."""

from vsd2m.annotate.engines.base import Message, Text
from vsd2m.annotate.measured.colours import NAMES as COLOUR_NAMES

SUMMARY_INSTRUCTION = "Summarize the following text from both static and dynamic features:\n "
"""VSD2M (arXiv 2412.08259), section 3; the description replaces "[Description]"."""

SUMMARY_EXAMPLES = (
    (
        'A cartoon sticker tagged "dog". It is brown and white on a transparent background. The text says "hello". '
        "It moves from side to side 3 times within 1.0 seconds.",
        'A brown and white cartoon dog with the text "hello" moves from side to side 3 times.',
    ),
    (
        'A real photograph tagged "sunset". It is orange. It has no text. The picture zooms in within 2.0 seconds.',
        "An orange photograph of a sunset zooms in.",
    ),
    (
        'A cartoon sticker tagged "moon". It is yellow on a black background. The text says "sleep well". '
        "It does not move.",
        'A yellow cartoon moon on a black background with the text "sleep well" does not move.',
    ),
    (
        'A cartoon sticker tagged "thank you" and "rabbit". It is pink and white on a transparent background. '
        "It has no text. It grows and shrinks within 0.6 seconds.",
        'A pink and white cartoon "thank you" rabbit grows and shrinks.',
    ),
    (
        'A cartoon sticker tagged "no idea". It is blue on a transparent background. It does not move.',
        'A blue cartoon "no idea" sticker does not move.',
    ),
)

SUSPECT_WORDS = frozenset(
    {
        *COLOUR_NAMES,
        "cartoon",
        "photograph",
        "photo",
        "fades",
        "zooms",
        "turns",
        "shakes",
        "flashes",
        "grows",
        "shrinks",
    }
    | {"dog", "hello", "sunset", "moon", "sleep", "well", "thank", "rabbit", "idea"}
)
"""Words that a caption may only use if the description does: colours, movements, words of the examples."""

TRANSLATION_EXAMPLES = (
    ("A cute little panda peeks out from behind a wall.", "一只可爱的小熊猫从墙后探出头来。"),
    (
        'A brown and white cartoon dog with the text "hello" moves from side to side 3 times.',
        "一只棕色和白色的卡通小狗，配文“hello”，左右移动三次。",
    ),
    ("A man in a red shirt laughs and claps his hands.", "一个穿红色衬衫的男人笑着拍手。"),
    ("A yellow cartoon moon on a black background does not move.", "黑色背景上有一个静止不动的黄色卡通月亮。"),
    ("A blue cartoon bird grows and fades out.", "一只蓝色的卡通小鸟变大并逐渐消失。"),
)


def summary_prompt(description: str, *, with_examples: bool) -> tuple[Message, ...]:
    """The conversation whose next turn is the caption of `description`."""
    turns: list[Message] = []
    for example, caption in SUMMARY_EXAMPLES if with_examples else ():
        turns += [Message("user", SUMMARY_INSTRUCTION + example), Message("assistant", caption)]
    return (*turns, Message("user", SUMMARY_INSTRUCTION + description, opening=SUMMARY_INSTRUCTION))


def translation_prompt(caption: str) -> Text:
    """A text whose next line is the caption in Chinese; also works with models that are not instruction-tuned."""
    examples = "\n".join(f"English: {english}\nChinese: {chinese}" for english, chinese in TRANSLATION_EXAMPLES)
    return Text(shared=f"{examples}\n", rest=f"English: {caption}\nChinese:")
