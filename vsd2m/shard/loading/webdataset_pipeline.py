"""The shards as a `webdataset` pipeline, for training code that is built on that library: `vsd2m.to_webdataset`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import fsspec

from vsd2m.core.errors import StorageError
from vsd2m.core.registry import import_extra
from vsd2m.core.storage import Store
from vsd2m.shard.inventory import Shard, list_shards
from vsd2m.shard.loading.clips import ClipOptions, Fill, Frames
from vsd2m.shard.loading.loader import sample_columns
from vsd2m.shard.loading.samples import Sample, make_sample
from vsd2m.shard.reader import check_media, read_columns


def to_webdataset(
    url: str,
    *,
    split: str,
    num_frames: int,
    size: int,
    frames: Frames = "linspace",
    fill: Fill = "flip",
    background: tuple[int, int, int] = (255, 255, 255),
    shardshuffle: int = 0,
    resampled: bool = False,
    seed: int = 0,
    handler: Callable[[Exception], bool] | None = None,
) -> Any:
    """A `webdataset` pipeline over a split, whose samples are those of `vsd2m.load` and have webdataset's `__key__`.

    It has webdataset's methods, such as `.shuffle(1000).batched(16, collation_fn=vsd2m.collate)`, and is a torch
    `IterableDataset` if torch is installed. Nodes and `DataLoader` workers receive whole shards, as always in
    webdataset: choose no more workers than shards. `vsd2m.load` divides stickers, so that ranks stay equal, and can
    resume.

    - `url`, `split`, `num_frames`, `size`, `frames`, `fill` and `background` are those of `vsd2m.load`.
    - `shardshuffle` shuffles the shards in a buffer of that many, equally on all nodes (`webdataset.detshuffle`);
      `resampled` draws shards at random without end. Both are fixed by `seed`.
    - `handler` handles a sticker that cannot be read, such as `webdataset.warn_and_continue`; without one its
      `StorageError` is raised.

    Raises `MissingExtraError` without webdataset, and otherwise the same errors as `vsd2m.load`.
    """
    options = ClipOptions(num_frames=num_frames, size=size, frames=frames, fill=fill, background=background)
    wds = import_extra("webdataset", extra="webdataset")
    members = import_extra("webdataset.tariterators", extra="webdataset")
    store = Store(url)
    shards = list_shards(store, split=split)
    tars = [store.path(shard.tar) for shard in shards]
    handler = handler or wds.reraise_exception
    pipeline = wds.DataPipeline(
        wds.ResampledShards(tars, seed=seed, deterministic=True) if resampled else wds.SimpleShardList(tars),
        wds.detshuffle(shardshuffle, initial=shardshuffle, seed=seed) if shardshuffle else None,
        wds.split_by_node,
        wds.split_by_worker,
        partial(_opened, handler=handler),
        partial(members.tar_file_expander, handler=handler),
        partial(members.group_by_keys, handler=handler),
        wds.map(_Decoder(store, shards, sample_columns(store, shards[0]), options), handler=handler),
    )
    return wds.FluidWrapper(pipeline)


def _opened(sources: Iterable[Mapping[str, Any]], *, handler: Callable[[Exception], bool]) -> Iterator[dict[str, Any]]:
    """Each shard as an open file, at any fsspec address; closed when the next one is requested."""
    for source in sources:
        try:
            file = fsspec.open(source["url"], "rb").open()
        except OSError as error:
            if handler(StorageError(f"cannot read {source['url']}: {error}")):
                continue
            return
        with file:
            yield {"url": source["url"], "stream": file}


class _Decoder:
    """A shard's members as a sample, with the columns of its Parquet file, as in `vsd2m.load`."""

    def __init__(self, store: Store, shards: Sequence[Shard], columns: Sequence[str], options: ClipOptions) -> None:
        self._store = store
        self._shards = {store.path(shard.tar): shard for shard in shards}
        self._columns = columns
        self._options = options
        self._path = ""
        self._rows: dict[str, dict[str, Any]] = {}

    def __call__(self, sample: Mapping[str, Any]) -> Sample:
        path = sample["__url__"]
        if path != self._path:
            rows = read_columns(self._store, self._shards[path], self._columns).to_pylist()
            self._path, self._rows = path, {row["key"]: row for row in rows}
        key = sample["__key__"]
        if key not in self._rows:
            raise StorageError(f"{path} contains a sticker {key} that is not in its Parquet file; fetch both again")
        return make_sample(self._rows[key], check_media(sample["media"], key, path), self._options, path=path)
