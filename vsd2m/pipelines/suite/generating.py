"""Generation inside a benchmark run: a checkpoint generates stickers for the prompts of real test stickers.

Prompts are divided into parts of a fixed size, each with its own folder, so that several machines can share the work
and the files are the same for any number of machines.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from vsd2m.benchmark.suite.real_clips import RealClip
from vsd2m.core.generated_files import MANIFEST, manifest_bytes, read_manifest
from vsd2m.core.storage import Store
from vsd2m.generation.config import GenerationConfig
from vsd2m.pipelines.cluster.ray_cluster import Cluster
from vsd2m.pipelines.cluster.ray_tasks import spread
from vsd2m.pipelines.suite.model_sources import ModelSource

PROMPTS_PER_PART = 256


@dataclass(frozen=True)
class Part:
    """Prompts for which one worker generates stickers in one folder; `config` has the part's seed."""

    checkpoint: str
    folder: str
    prompts: tuple[str, ...]
    config: GenerationConfig


def plan_parts(source: ModelSource, real: Sequence[RealClip], folder: Path, sampling: GenerationConfig) -> list[Part]:
    """The parts of one model, below `folder` by split.

    The domain before a prompt is that of the split's stickers, unless the sampling sets one. Sticker i of a split is
    generated from seed + i, independent of the part.
    """
    parts = []
    for split, stickers in groupby(real, key=lambda clip: clip.split):
        clips = list(stickers)
        split_domain = {} if "domain" in sampling.model_fields_set else {"domain": clips[0].domain}
        for number, first in enumerate(range(0, len(clips), PROMPTS_PER_PART)):
            config = sampling.model_copy(update={**split_domain, "seed": sampling.seed + first})
            prompts = tuple(clip.prompt for clip in clips[first : first + PROMPTS_PER_PART])
            parts.append(Part(str(source.checkpoint), str(folder / split / f"part-{number:03d}"), prompts, config))
    return parts


def draw_parts(
    parts: Sequence[Part], *, cluster: Cluster | None, on_progress: Callable[[int, int], None] | None = None
) -> None:
    """Generates missing stickers, here or on a cluster; `on_progress(done, total)` counts stickers."""
    total = sum(len(part.prompts) for part in parts)
    num_done = 0
    if cluster is None:
        for part in parts:
            num_before = num_done

            def on_sticker(num_done_of_part: int, _: int, num_before: int = num_before) -> None:
                if on_progress is not None:
                    on_progress(num_before + num_done_of_part, total)

            num_done += draw_part(part, on_sticker)
        return
    for num_stickers in spread(cluster, _drawer, parts, wants_gpu=True):
        num_done += num_stickers
        if on_progress is not None:
            on_progress(num_done, total)


def draw_part(part: Part, on_sticker: Callable[[int, int], None] | None = None) -> int:
    """Returns the number of stickers in the part."""
    from vsd2m.generation.sampler import generate

    generate(part.checkpoint, part.prompts, part.folder, config=part.config, on_sticker=on_sticker)
    return len(part.prompts)


def write_manifest(folder: Path, parts: Sequence[Part]) -> None:
    """One manifest for all parts of a model, in their order; only the listed files are evaluated."""
    rows = []
    for part in parts:
        part_folder = Path(part.folder).relative_to(folder)
        part_rows = read_manifest(Path(part.folder) / MANIFEST)
        rows += [{**row, "file": str(part_folder / row["file"])} for row in part_rows]
    Store(str(folder)).write_bytes(MANIFEST, manifest_bytes(rows))


def _drawer() -> Callable[[Any], int]:
    return draw_part
