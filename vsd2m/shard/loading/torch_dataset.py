"""The data set as torch knows it. Imported only where torch is in use already."""

from typing import Any

from torch.utils.data import IterableDataset
from torch.utils.data._utils.collate import default_collate_fn_map

from vsd2m.shard.loading.dataset import StickerDataset
from vsd2m.shard.loading.samples import StickerList


class TorchStickerDataset(StickerDataset, IterableDataset):  # type: ignore[misc]
    """A `StickerDataset` that a torch `DataLoader` iterates, its workers each over their own part."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _leave_trigger_words_whole()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        _leave_trigger_words_whole()


def _leave_trigger_words_whole() -> None:
    """Torch refuses lists of unequal length; this is how its documentation has types of one's own collated."""
    default_collate_fn_map[StickerList] = _listed


def _listed(batch: list[StickerList], **_: Any) -> list[StickerList]:
    return batch
