"""Generation inside a benchmark run: the prompts of real test stickers, drawn by a checkpoint.

Prompts are drawn in parts of a fixed size, each a folder of its own, so that several machines can share the work and
the files are the same however many do.
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
    """Prompts that one worker draws into one folder; `config` has the part's own seed."""

    checkpoint: str
    folder: str
    prompts: tuple[str, ...]
    config: GenerationConfig


def plan_parts(source: ModelSource, real: Sequence[RealClip], folder: Path, sampling: GenerationConfig) -> list[Part]:
    """The parts of one model, below `folder` by split.

    The domain before a prompt is that of the split's stickers, unless the sampling sets one. Sticker i of a split is
    drawn from seed + i, in whatever part it is.
    """
    parts = []
    for split, stickers in groupby(real, key=lambda clip: clip.split):
        clips = list(stickers)
        own_domain = {} if "domain" in sampling.model_fields_set else {"domain": clips[0].domain}
        for number, first in enumerate(range(0, len(clips), PROMPTS_PER_PART)):
            config = sampling.model_copy(update={**own_domain, "seed": sampling.seed + first})
            prompts = tuple(clip.prompt for clip in clips[first : first + PROMPTS_PER_PART])
            parts.append(Part(str(source.checkpoint), str(folder / split / f"part-{number:03d}"), prompts, config))
    return parts


def draw_parts(
    parts: Sequence[Part], *, cluster: Cluster | None, on_progress: Callable[[int, int], None] | None = None
) -> None:
    """Draws what is not drawn yet, here or on a cluster; `on_progress(done, total)` counts stickers."""
    total = sum(len(part.prompts) for part in parts)
    done = 0
    if cluster is None:
        for part in parts:
            before = done

            def on_sticker(drawn: int, _: int, before: int = before) -> None:
                if on_progress is not None:
                    on_progress(before + drawn, total)

            done += draw_part(part, on_sticker)
        return
    for drawn in spread(cluster, _drawer, parts, wants_gpu=True):
        done += drawn
        if on_progress is not None:
            on_progress(done, total)


def draw_part(part: Part, on_sticker: Callable[[int, int], None] | None = None) -> int:
    """Returns the number of stickers in the part."""
    from vsd2m.generation.sampler import generate

    generate(part.checkpoint, part.prompts, part.folder, config=part.config, on_sticker=on_sticker)
    return len(part.prompts)


def write_manifest(folder: Path, parts: Sequence[Part]) -> None:
    """One manifest for all parts of a model, in their order: what is judged, whatever else lies in the folder."""
    rows = []
    for part in parts:
        place = Path(part.folder).relative_to(folder)
        part_rows = read_manifest(Path(part.folder) / MANIFEST)
        rows += [{**row, "file": str(place / row["file"])} for row in part_rows]
    Store(str(folder)).write_bytes(MANIFEST, manifest_bytes(rows))


def _drawer() -> Callable[[Any], int]:
    return draw_part
