"""Text states of a frozen text encoder on disk, identified by the texts and the encoder.

Letters: N texts, L tokens, D channels.
"""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vsd2m.core.commit import digest
from vsd2m.generation.diffusion.text import encode_tokens, tokenize
from vsd2m.generation.training.module_digest import module_digest

FORMAT = 1
TEXTS_PER_CALL = 64


class TextStates:
    """States [N, L, D] in half precision, read on demand."""

    def __init__(self, folder: Path) -> None:
        facts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
        self._rows = {text: row for row, text in enumerate(facts["texts"])}
        self._states = np.memmap(folder / "states.bin", np.float16, mode="r", shape=tuple(facts["shape"]))

    def of(self, texts: Sequence[str]) -> torch.Tensor:
        """Float states [B, L, D]."""
        rows = [self._states[self._rows[text]] for text in texts]
        return torch.from_numpy(np.stack(rows).astype(np.float32))


def open_text_states(root: Path, texts: Sequence[str], tokenizer: Any, text_encoder: Any) -> TextStates:
    """The states of `texts` and of the empty text: from `root` if texts, tokenizer and weights are the same, else newly
    encoded."""
    distinct = sorted({"", *texts})
    tokens = tokenize(tokenizer, distinct)
    key = [FORMAT, distinct, digest(tokens.tolist()), module_digest(text_encoder), text_encoder.config.to_dict()]
    folder = root / f"text-{digest(key)[:16]}"
    if not folder.exists():
        _encode(folder, distinct, tokens, text_encoder)
    return TextStates(folder)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _encode(folder: Path, texts: Sequence[str], tokens: torch.Tensor, text_encoder: Any) -> None:
    building = folder.with_name(f"{folder.name}.tmp-{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    shape: list[int] = []
    with (building / "states.bin").open("wb") as file:
        for part in tokens.split(TEXTS_PER_CALL):
            states = encode_tokens(text_encoder, part).to(torch.float16).cpu().numpy()
            file.write(np.ascontiguousarray(states).tobytes())
            shape = [len(texts), *states.shape[1:]]
    (building / "texts.json").write_text(json.dumps({"texts": texts, "shape": shape}), encoding="utf-8")
    os.replace(building, folder)
