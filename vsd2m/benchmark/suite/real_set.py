"""The real stickers of a run: one half is the yardstick, the other half the references of all comparisons.

A distance between sets decreases with the number of clips. So every model, and the yardstick too, is compared with the
same references at the same number of clips; and no clip is compared with the sticker that it corresponds to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from vsd2m.benchmark.suite.clips import ClipReference
from vsd2m.core.commit import digest


@dataclass(frozen=True)
class RealSet:
    """The real stickers and, for distances between sets, the number of clips on each side."""

    stickers: Sequence[ClipReference]
    num_compared: int

    @cached_property
    def digest(self) -> str:
        """Digest of the stickers, their prompts and the clip rule, independent of the order."""
        return digest(sorted(sticker.identity for sticker in self.stickers))[:16]

    @property
    def yardstick(self) -> list[ClipReference]:
        """The half of the real stickers that is evaluated like a model."""
        return self._half(0)[: self.num_compared]

    @property
    def references(self) -> list[ClipReference]:
        """The half of the real stickers that all models and the yardstick are compared with."""
        return self._half(1)[: self.num_compared]

    def compared_clips(self, clips: Sequence[ClipReference]) -> list[ClipReference]:
        """The same number of a model's clips: first those that correspond to the yardstick's stickers, then those that
        correspond to none, last those that correspond to a reference.

        A clip corresponds to the sticker with the same bytes, or else with the same prompt; so a copy of the real set
        is evaluated on exactly the yardstick's clips.
        """
        standing = self._standing_for(clips)
        first, last = ([standing[s.key] for s in self._half(half) if s.key in standing] for half in (0, 1))
        used_names = {clip.name for clip in (*first, *last)}
        between = [clip for clip in _by_content(clips) if clip.name not in used_names]
        return [*first, *between, *last][: self.num_compared]

    def _half(self, half: int) -> list[ClipReference]:
        """Every other sticker in the order of their keys, which is as good as a random choice."""
        return _by_content(self.stickers)[half::2]

    def _standing_for(self, clips: Sequence[ClipReference]) -> dict[str, ClipReference]:
        """Sticker's key -> the corresponding clip; one to one."""
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
    """Half of the real stickers, or the number of clips of the model with the fewest clips."""
    return RealSet(real, min([len(real) // 2, *map(len, generated.values())]))


def _by_content(clips: Sequence[ClipReference]) -> list[ClipReference]:
    return sorted(clips, key=lambda clip: (clip.key, clip.name))
