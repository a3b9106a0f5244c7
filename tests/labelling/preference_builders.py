"""Tiny studies: every model draws in its own colour, so that a test can see who drew a sticker."""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from vsd2m.labelling.preference.config import StudyConfig
from vsd2m.labelling.preference.study import PreferenceStudy, create_study

COLOURS = {"red": (220, 40, 40), "green": (40, 170, 60), "blue": (40, 70, 220), "grey": (120, 120, 120)}


def make_outputs(folder: Path, model: str, prompts: list[str]) -> Path:
    """A folder as `vsd2m generate` writes it: GIFs of two frames and a manifest."""
    folder.mkdir(parents=True)
    rows = []
    for index, prompt in enumerate(prompts):
        frames = [Image.new("RGB", (24, 24), tuple(int(c * dim) for c in COLOURS[model])) for dim in (1.0, 0.9)]
        data = io.BytesIO()
        frames[0].save(data, "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
        (folder / f"{index:06d}.gif").write_bytes(data.getvalue())
        rows.append({"file": f"{index:06d}.gif", "prompt": prompt, "seed": index})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def make_study(
    folder: Path, *, num_prompts: int, models: tuple[str, ...] = tuple(COLOURS), **settings
) -> PreferenceStudy:
    prompts = [f"a sticker, number {index}" for index in range(num_prompts)]
    outputs = {model: make_outputs(folder / "outputs" / model, model, prompts) for model in models}
    return create_study(folder / "study", outputs, StudyConfig(**settings))


class Labeller:
    """Somebody with known taste who looks at colours: chooses by Luce's rule, rates by `ratings` with a slip now and
    then, and does what an attention check asks for unless `attentive` is False."""

    def __init__(self, strengths: dict[str, float], ratings: dict[str, int], *, attentive: bool = True, seed: int):
        self.strengths = strengths
        self.ratings = ratings
        self.attentive = attentive
        self.rng = np.random.default_rng(seed)

    def answers(self, text: str, shown: list[str], kind: str, num_questions: int) -> list[int]:
        asked = (
            [int(word.strip(".")) for word in text.split() if word.strip(".").isdecimal()]
            if "still reading" in text
            else []
        )
        if asked and self.attentive:
            return [asked[0]] * num_questions
        if kind == "choose":
            odds = np.exp([self.strengths[model] for model in shown])
            return [int(self.rng.choice(len(shown), p=odds / odds.sum())) + 1 for _ in range(num_questions)]
        slips = self.rng.choice([-1, 0, 1], p=[0.15, 0.7, 0.15], size=num_questions)
        return [int(np.clip(self.ratings[shown[0]] + slip, 1, 5)) for slip in slips]
