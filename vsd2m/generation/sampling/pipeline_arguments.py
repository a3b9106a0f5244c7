"""The arguments of the pipelines: prompts, and sources of randomness.

Letters: B batch.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch


def as_texts(prompt: str | Sequence[str], *, name: str = "prompt") -> list[str]:
    """One text or several as a list; `TypeError` for anything else."""
    texts = [prompt] if isinstance(prompt, str) else list(prompt)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{name} must be a text or a list of texts; found {prompt!r}")
    return texts


def as_negative_texts(prompt: str | Sequence[str] | None, count: int) -> list[str]:
    """One text for all of `count` prompts, or one for each."""
    texts = as_texts(prompt or "", name="negative_prompt")
    if len(texts) not in (1, count):
        raise ValueError(f"{count} prompts and {len(texts)} negative prompts: expected one for all, or one per prompt")
    return texts


def make_generators(
    count: int,
    *,
    generator: torch.Generator | Sequence[torch.Generator] | None,
    seeds: Sequence[int] | None,
) -> torch.Generator | list[torch.Generator] | None:
    """The generators of `count` clips: from `seeds`, or `generator` (one for all, or one per clip); or None."""
    if seeds is not None and generator is not None:
        raise ValueError("expected seeds or generator, not both")
    if seeds is not None:
        if len(seeds) != count:
            raise ValueError(f"{count} prompts and {len(seeds)} seeds: there must be one seed per prompt")
        return [torch.Generator().manual_seed(seed) for seed in seeds]
    if generator is None or isinstance(generator, torch.Generator):
        return generator
    if len(generator) != count:
        raise ValueError(f"{count} prompts and {len(generator)} generators: there must be one, or one per prompt")
    return list(generator)


def draw_each(
    sample: Callable[..., Any],
    shape: tuple[int, ...],
    generators: torch.Generator | list[torch.Generator] | None,
) -> torch.Tensor:
    """`sample` (`torch.randn`, `torch.rand`) of `shape` [B, ...], on the CPU; with a list of generators the numbers of
    each clip are independent of the batch."""
    if isinstance(generators, list):
        return torch.stack([draw_each(sample, shape[1:], generator) for generator in generators])
    device = generators.device if generators is not None else torch.device("cpu")
    numbers: torch.Tensor = sample(shape, generator=generators, device=device)
    return numbers.cpu()
