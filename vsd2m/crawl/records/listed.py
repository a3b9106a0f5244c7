"""The stickers of a source that lists them: divided into partitions as a stream, and given to the crawl as known."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from typing import Any

from vsd2m.core.errors import ConfigError
from vsd2m.core.external_sort import external_sort
from vsd2m.core.finds.partition_plan import Entry, PartitionPlan
from vsd2m.core.partitioning import NUM_BITS, name_hash, partition_stream
from vsd2m.core.storage import Store
from vsd2m.crawl.records.outcomes import Fact, addresses_of
from vsd2m.crawl.sources.base import Source

NO_WORD = ""
"""What a partition of listed stickers searches for."""


def listed_plan(source: Source[Any], store: Store, folder: str, max_size: int) -> PartitionPlan:
    """Which addresses each partition downloads; `ConfigError` where there are none."""
    num_rows = 0

    def hashed() -> Iterator[tuple[str, Any]]:
        nonlocal num_rows
        for sticker in source.listed_stickers():
            num_rows += 1
            yield f"{name_hash(sticker.url):0{NUM_BITS // 4}x}{sticker.url}", asdict(sticker)

    plan = PartitionPlan.write(store, folder, partition_stream(_entries(hashed()), max_size))
    if num_rows == 0:
        raise ConfigError("the source lists no stickers; expected at least one")
    plan.save(num_rows=num_rows)
    return plan


def _entries(rows: Iterator[tuple[str, Any]]) -> Iterator[tuple[int, int, Entry]]:
    """(hash, weight, entry) per address, with every row that has it, by hash."""
    for key, group in groupby(external_sort(rows), key=itemgetter(0)):
        stickers = [sticker for _, sticker in group]
        yield int(key[: NUM_BITS // 4], 16), 1, {"name": stickers[0]["url"], "stickers": stickers}


def with_listed(earlier_facts: Sequence[Fact], entries: Sequence[Entry]) -> list[Fact]:
    """Facts of an earlier crawl about the pictures, and the facts of a search with these stickers as results."""
    stickers = [sticker for entry in entries for sticker in entry["stickers"]]
    search = {"fact": "search", "word": 0, "page": 1, "num_links": len(stickers), "next_ask": None, "cut": None}
    finds = [
        {"fact": "find", "word": 0, "rank": rank, "link": None, "sticker": sticker, "refusal": None}
        for rank, sticker in enumerate(stickers)
    ]
    addresses = {address for sticker in stickers for address in addresses_of(sticker)}
    return [
        search,
        *finds,
        *(fact for fact in earlier_facts if fact["fact"] == "picture" and fact["picture"] in addresses),
    ]
