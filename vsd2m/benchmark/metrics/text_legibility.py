"""Whether the text in the prompt's quotes is legible in the clip."""

import re
from importlib.util import find_spec

from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.suite.clips import JudgedClip

FRAMES = "spread8"
QUOTED = re.compile(r"[\"“「『](.+?)[\"”」』]")


class TextLegibility(ClipMetric):
    """1 minus the character error rate of the best of 8 frames, 0 (nothing legible) to 1 (every character).

    The expected text is the part of the prompt in double quotes, ASCII, typographic or Chinese; prompts without quotes
    do not count. Case and white space are ignored. The reader is an argument (`Weights.read_text`).
    """

    name = "text_legibility"
    better = "higher"

    def missing(self) -> str | None:
        if not find_spec("rapidfuzz"):
            return "rapidfuzz: `pip install 'vsd2m[benchmark]'`"
        return None if self.weights.read_text else "a reader: `run_benchmark(..., read_text=...)`, a frame to its text"

    def protocol(self) -> dict[str, str | int]:
        reader = getattr(self.weights.read_text, "__qualname__", type(self.weights.read_text).__qualname__)
        return {"frames": FRAMES, "reader": reader, "error": "edit distance over asked characters, best frame"}

    def measure(self, clip: JudgedClip) -> float | None:
        from rapidfuzz.distance import Levenshtein

        expected = expected_text(clip.prompt or "")
        if not expected or self.weights.read_text is None:
            return None
        frames = clip.frames_by(FRAMES)
        readings = {_letters(self.weights.read_text(frame)) for frame in frames}
        return max(0.0, 1 - min(Levenshtein.distance(expected, text) for text in readings) / len(expected))


def expected_text(prompt: str) -> str:
    """The quoted text in the prompt, without white space; empty if there is none."""
    return _letters("".join(QUOTED.findall(prompt)))


def _letters(text: str) -> str:
    return "".join(text.casefold().split())
