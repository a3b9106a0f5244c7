"""Bytes of pictures that another worker has downloaded, brought into a partition's spool."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vsd2m.core.errors import DamagedFileError, MissingFileError
from vsd2m.core.keys import sticker_key
from vsd2m.core.storage import Store
from vsd2m.crawl.coordination.clients import PartitionClient, partition_client
from vsd2m.crawl.records.outcomes import Fact, shared_name
from vsd2m.crawl.scraping.spool import PICTURES


def media_place(fact: Fact, media: str) -> dict[str, Any] | None:
    """Where the tar `media` holds the bytes that a ledger's fact is about; None where it holds none."""
    if "media_offset" not in fact:
        return None
    return {"tar": media, "offset": fact["media_offset"], "num_bytes": fact["num_bytes"]}


def share_places(address: str, media: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Tells the coordinator at `address` in which tar the bytes of a partition's rows lie now."""
    places = {row["key"]: {"tar": media, "offset": row["media_offset"], "num_bytes": row["num_bytes"]} for row in rows}
    with partition_client(address) as client:
        client.put_places(places)


def fetch_pictures(address: str, store: Store, facts: Iterable[Fact], spool: Path) -> list[Fact]:
    """Brings the bytes of all downloaded pictures into the spool; returns the facts of those that are gone."""
    downloaded = [fact for fact in facts if fact["fact"] == "picture" and fact["refusal"] is None]
    missing = [fact for fact in downloaded if not (spool / PICTURES / fact["key"]).exists()]
    if not missing:
        return []
    with partition_client(address) as client:
        return [fact for fact in missing if not _is_fetched(client, store, fact, spool)]


def _is_fetched(client: PartitionClient, store: Store, fact: Fact, spool: Path) -> bool:
    target = spool / PICTURES / fact["key"]
    for _ in range(2):  # between query and copy the bytes may move from a spool into its partition's tar
        place = client.place(fact["key"])
        if place is not None and _is_copied(place, store, fact["key"], target):
            return True
    client.forget(str(shared_name(fact)), fact["key"])
    return False


def _is_copied(place: Mapping[str, Any], store: Store, key: str, target: Path) -> bool:
    try:
        if "spool" in place:
            shutil.copyfile(Path(place["spool"]) / PICTURES / key, target)
        else:
            target.write_bytes(store.read_range(place["tar"], place["offset"], place["num_bytes"]))
    except (FileNotFoundError, MissingFileError, DamagedFileError):
        return False
    if sticker_key(target.read_bytes()) == key:
        return True
    target.unlink()
    return False
