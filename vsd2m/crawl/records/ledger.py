"""The answers to a partition's crawl, stored beside its pictures: a later crawl requests only what is missing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vsd2m.core.errors import DamagedFileError, MissingFileError, StorageError
from vsd2m.core.keys import sticker_key
from vsd2m.core.storage import Store
from vsd2m.crawl.records.outcomes import OURS, TRANSIENT, Fact, reason_of
from vsd2m.crawl.scraping.spool import PICTURES, write_known


def ledger_bytes(asked: str, facts: Iterable[Fact], offsets: Mapping[str, int]) -> bytes:
    """The facts as JSON lines in an order of their own; of kept pictures with the offset of their bytes in the tar.

    `asked` is a digest of everything that decides what is asked for; it stands in the first line.
    """
    lines = sorted(json.dumps(_placed(fact, offsets), sort_keys=True, ensure_ascii=False) for fact in facts)
    return "".join(f"{line}\n" for line in [json.dumps({"asked": asked}), *lines]).encode()


def recall(store: Store, path: str, *, asked: str, media: str, spool: Path) -> list[Fact]:
    """The facts of an earlier crawl of the same that still hold, with their pictures laid into the spool.

    Left out, and so asked for again: transient refusals, failures of this program, and pictures whose bytes are
    not in the tar any more. None hold where something else was asked.
    """
    asked_then, earlier = read_ledger(store, path)
    if asked_then != asked:
        return []
    facts: list[Fact] = [fact for fact in earlier if _holds(fact, store, media, spool)]
    write_known(spool, facts)
    return facts


def read_ledger(store: Store, path: str) -> tuple[str | None, list[dict[str, Any]]]:
    """What was asked and the facts; None and no facts where there is no ledger."""
    try:
        first, *facts = [json.loads(line) for line in store.read_bytes(path).decode().split("\n")[:-1]]
    except MissingFileError:
        return None, []
    except ValueError as error:
        raise StorageError(f"cannot read {store.path(path)}: {error}; delete it, and all is asked for again") from error
    return first["asked"], facts


def _placed(fact: Fact, offsets: Mapping[str, int]) -> Fact:
    placed = {name: value for name, value in fact.items() if name != "media_offset"}
    if fact["fact"] == "picture" and fact["refusal"] is None and fact["key"] in offsets:
        placed["media_offset"] = offsets[fact["key"]]
    return placed


def _holds(fact: Fact, store: Store, media: str, spool: Path) -> bool:
    if (reason := reason_of(fact)) is not None:
        return reason not in TRANSIENT | OURS
    return fact["fact"] != "picture" or _laid_out(fact, store, media, spool)


def _laid_out(fact: Fact, store: Store, media: str, spool: Path) -> bool:
    if "media_offset" not in fact:
        return False
    try:
        data = store.read_range(media, fact["media_offset"], fact["num_bytes"])
    except (MissingFileError, DamagedFileError):
        return False
    if sticker_key(data) != fact["key"]:
        return False
    (spool / PICTURES).mkdir(exist_ok=True)
    (spool / PICTURES / fact["key"]).write_bytes(data)
    return True


def facts_of(known: Sequence[Fact], new: Sequence[Fact]) -> list[Fact]:
    """Earlier and new facts as those of one crawl, without what the crawling process says of itself or of the time."""
    return [fact for fact in (*known, *new) if fact["fact"] not in ("end", "site_file", "read")]
