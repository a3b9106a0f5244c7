"""The real stickers of a run: half of them are a yardstick, and the other half is what everybody is compared with.

A distance between sets falls with the number of clips. So every model, and the yardstick too, is compared with the same
real stickers at the same number of clips; and no clip is compared with the sticker it stands for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from vsd2m.benchmark.suite.clips import ClipReference
from vsd2m.core.commit import digest


@dataclass(frozen=True)
class RealSet:
    """The real stickers and, for distances between sets, how many clips of each side there are."""

    stickers: Sequence[ClipReference]
    num_compared: int

    @cached_property
    def digest(self) -> str:
        """Of the stickers, their prompts and how they are cut, in whatever order."""
        return digest(sorted(sticker.identity for sticker in self.stickers))[:16]

    @property
    def yardstick(self) -> list[ClipReference]:
        """What reality shows as if it were a model."""
        return self._half(0)[: self.num_compared]

    @property
    def references(self) -> list[ClipReference]:
        """What every model and the yardstick are compared with."""
        return self._half(1)[: self.num_compared]

    def compared_clips(self, clips: Sequence[ClipReference]) -> list[ClipReference]:
        """As many of a model's clips: those that stand for the stickers of the yardstick, then those that stand for
        none, and only then those that stand for a reference.

        A clip stands for the sticker whose bytes, or else whose prompt it has; so a copy of the real set is judged by
        exactly the yardstick's clips.
        """
        standing = self._standing_for(clips)
        first, last = ([standing[s.key] for s in self._half(half) if s.key in standing] for half in (0, 1))
        taken = {clip.name for clip in (*first, *last)}
        between = [clip for clip in _by_content(clips) if clip.name not in taken]
        return [*first, *between, *last][: self.num_compared]

    def _half(self, half: int) -> list[ClipReference]:
        """Every other sticker in the order of their keys, which is as good as drawn."""
        return _by_content(self.stickers)[half::2]

    def _standing_for(self, clips: Sequence[ClipReference]) -> dict[str, ClipReference]:
        """Sticker's key -> the clip that stands for it; no clip stands for two, or two for one."""
        standing: dict[str, ClipReference] = {}
        stickers = {sticker.key: sticker for sticker in self.stickers}
        others = []
        for clip in _by_content(clips):
            if clip.key in stickers and clip.key not in standing:
                standing[clip.key] = clip
            else:
                others.append(clip)
        prompted: dict[str | None, list[str]] = {}
        for sticker in reversed(_by_content(self.stickers)):
            if sticker.key not in standing:
                prompted.setdefault(sticker.prompt, []).append(sticker.key)
        for clip in others:
            if clip.prompt and prompted.get(clip.prompt):
                standing[prompted[clip.prompt].pop()] = clip
        return standing


def real_set(real: Sequence[ClipReference], generated: Mapping[str, Sequence[ClipReference]]) -> RealSet:
    """Half of the real stickers are compared, or as many as the model with the fewest clips has."""
    return RealSet(real, min([len(real) // 2, *map(len, generated.values())]))


def _by_content(clips: Sequence[ClipReference]) -> list[ClipReference]:
    return sorted(clips, key=lambda clip: (clip.key, clip.name))
