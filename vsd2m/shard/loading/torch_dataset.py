"""The data set as a torch `IterableDataset`. Imported only if torch is already in use."""

from typing import Any

from torch.utils.data import IterableDataset
from torch.utils.data._utils.collate import default_collate_fn_map

from vsd2m.shard.loading.dataset import StickerDataset
from vsd2m.shard.loading.samples import StickerList


class TorchStickerDataset(StickerDataset, IterableDataset):  # type: ignore[misc]
    """A `StickerDataset` that a torch `DataLoader` iterates, each worker over its part."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _leave_trigger_words_whole()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        _leave_trigger_words_whole()


def _leave_trigger_words_whole() -> None:
    """Registers how to collate the type: torch's default rejects lists of different lengths."""
    default_collate_fn_map[StickerList] = _listed


def _listed(batch: list[StickerList], **_: Any) -> list[StickerList]:
    return batch
