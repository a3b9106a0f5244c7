"""The small generator that is part of the package: 64 x 64 pixels, 8 frames, offline, seconds on a CPU.

Trained from scratch on animated Fluent Emoji (MIT); see `docs/reproduction.md` for the training and for what it can
generate.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vsd2m.core.errors import EngineError

FOLDER = Path(__file__).with_name("embedded_model")
DEFAULTS: dict[str, Any] = {"num_inference_steps": 12, "guidance_scale": 3.0, "upscale": 4}
"""Suitable settings of `GenerationConfig`; 12 steps take half the time of 25; pictures are enlarged four times."""


def embedded_checkpoint() -> Path:
    """Its folder; `EngineError` if the package was built without it."""
    if not (FOLDER / "model_index.json").exists():
        raise EngineError(f"{FOLDER} does not contain the packaged generator; give a checkpoint instead")
    return FOLDER


def unknown_words(prompts: Sequence[str]) -> list[str]:
    """The unknown words of `prompts`, which it ignores, each once, in order."""
    vocabulary = json.loads((embedded_checkpoint() / "tokenizer" / "tokenizer.json").read_text())["model"]["vocab"]
    words = (word for prompt in prompts for word in re.findall(r"\w+", prompt.lower()))
    return [word for word in dict.fromkeys(words) if word not in vocabulary]
