"""Who sees which stickers, in which positions: an arrangement that is balanced for any number of labellers.

Labellers take seats 0, 1, 2, ... and prompts are dealt to the seats in turn. The `visit` of a prompt counts the
labellers who were dealt it before; prompt and visit determine, by a balanced Latin square, the position of each model.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from vsd2m.labelling.application.screens import Kind, num_answers
from vsd2m.labelling.preference.config import StudyConfig


@dataclass(frozen=True)
class Arrangement:
    """One screen: the models whose stickers stand on it from left to right; `expected`: see `Trial`."""

    kind: Kind
    prompt: int
    models: tuple[int, ...]
    expected: int | None = None


def balanced_row(prompt: int, visit: int, num_models: int) -> tuple[int, ...]:
    """An order of all models, a row of a Williams square (Williams 1949, Aust. J. Sci. Res. 2:149).

    Over any `num_models` visits of a prompt that begin at a multiple of `num_models`, each model has each position
    once, and so it does over such a block of prompts at one visit. Models also follow each other equally often: an
    even number within one square, an odd number within a square and its mirror image.
    """
    steps = [(step + 1) // 2 if step % 2 else -step // 2 for step in range(num_models)]
    mirrored = num_models % 2 and (prompt // num_models + visit // num_models) % 2
    row = tuple((step + prompt + visit) % num_models for step in steps)
    return row[::-1] if mirrored else row


def prompts_of_seat(seat: int, num_prompts: int, prompts_per_labeller: int) -> Iterator[tuple[int, int]]:
    """The (prompt, visit) pairs of a seat; after any number of seats, prompts differ by at most one visit."""
    for position in range(seat * prompts_per_labeller, (seat + 1) * prompts_per_labeller):
        yield position % num_prompts, position // num_prompts


def plan_seat(seat: int, *, num_prompts: int, num_models: int, config: StudyConfig) -> list[Arrangement]:
    """The trials of a seat in the order they are shown: first the choices, then the ratings."""
    names = np.random.default_rng([config.seed, 0]).permutation(num_models)
    rows = [
        (prompt, tuple(int(names[model]) for model in balanced_row(prompt, visit, num_models)))
        for prompt, visit in prompts_of_seat(
            seat, num_prompts, min(config.prompts_per_labeller or num_prompts, num_prompts)
        )
    ]
    choices = [Arrangement("choose", prompt, row[: config.stickers_per_choice]) for prompt, row in rows]
    rated_models = [(prompt, model) for prompt, row in rows for model in row[: config.rated_per_prompt]]
    ratings = [Arrangement("rate", prompt, (model,)) for prompt, model in rated_models]
    rng = np.random.default_rng([config.seed, 1, seat])
    return [*_with_checks(choices, config, rng), *_with_checks(ratings, config, rng)]


def _with_checks(trials: list[Arrangement], config: StudyConfig, rng: np.random.Generator) -> list[Arrangement]:
    """The trials in random order with attention checks among them, never as the first."""
    mixed = [trials[index] for index in rng.permutation(len(trials))]
    if not trials or not config.trials_per_check:
        return mixed
    for _ in range(max(1, len(trials) // config.trials_per_check)):
        trial = trials[int(rng.integers(len(trials)))]
        expected = int(rng.integers(num_answers(trial.kind, len(trial.models)))) + 1
        mixed.insert(int(rng.integers(1, len(mixed) + 1)), replace(trial, expected=expected))
    return mixed
