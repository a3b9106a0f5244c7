"""The small generator that comes with the package: 64 x 64 pixels, 8 frames, offline, seconds on a CPU.

Trained from scratch on animated Fluent Emoji (MIT); `docs/reproduction.md` says how, and what it can and cannot draw.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vsd2m.core.errors import EngineError

FOLDER = Path(__file__).with_name("embedded_model")
DEFAULTS: dict[str, Any] = {"num_inference_steps": 12, "guidance_scale": 3.0, "upscale": 4}
"""Settings of `GenerationConfig` that suit it; 12 steps halve the time of 25; pictures are made four times larger."""


def embedded_checkpoint() -> Path:
    """Its folder; `EngineError` where the package was built without it."""
    if not (FOLDER / "model_index.json").exists():
        raise EngineError(f"{FOLDER} holds no generator; expected the one of the package: give a checkpoint instead")
    return FOLDER


def unknown_words(prompts: Sequence[str]) -> list[str]:
    """The words of `prompts` that it does not know and leaves out, each once, in order."""
    vocabulary = json.loads((embedded_checkpoint() / "tokenizer" / "tokenizer.json").read_text())["model"]["vocab"]
    words = (word for prompt in prompts for word in re.findall(r"\w+", prompt.lower()))
    return [word for word in dict.fromkeys(words) if word not in vocabulary]
