"""The data set as torch knows it. Imported only where torch is in use already."""

from torch.utils.data import IterableDataset

from vsd2m.shard.loading.loader import StickerDataset


class TorchStickerDataset(StickerDataset, IterableDataset):  # type: ignore[misc]
    """A `StickerDataset` that a torch `DataLoader` iterates, its workers each over their own part."""
