"""The answers to a partition's crawl, stored beside its pictures: a later crawl requests only what is missing."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from vsd2m.core.errors import DamagedFileError, MissingFileError, StorageError
from vsd2m.core.keys import sticker_key
from vsd2m.core.storage import Store
from vsd2m.crawl.records.outcomes import OURS, TRANSIENT, Fact, reason_of
from vsd2m.crawl.scraping.spool import PICTURES, write_known


@dataclass(frozen=True)
class LedgerHead:
    """The first line of a ledger: digests of all that decides what is asked for, and how an address answers."""

    asked: str
    answers_asked: str


def ledger_bytes(head: LedgerHead, facts: Iterable[Fact], offsets: Mapping[str, int]) -> bytes:
    """The facts as sorted JSON lines; those of stored pictures have the offset of their bytes in the tar."""
    lines = sorted(json.dumps(_placed(fact, offsets), sort_keys=True, ensure_ascii=False) for fact in facts)
    return "".join(f"{line}\n" for line in [json.dumps(asdict(head)), *lines]).encode()


def recall(store: Store, path: str, *, asked: str, media: str, spool: Path) -> list[Fact]:
    """The facts of an earlier crawl of the same that still hold, with their pictures laid into the spool.

    Left out, and so asked for again: transient refusals, those by a takedown list, failures of this program, and
    pictures whose bytes are not in the tar any more. None hold where something else was asked.
    """
    head, earlier = read_ledger(store, path)
    if head is None or head.asked != asked:
        return []
    facts: list[Fact] = [fact for fact in earlier if _holds(fact, store, media, spool)]
    write_known(spool, facts)
    return facts


def read_ledger(store: Store, path: str) -> tuple[LedgerHead | None, list[dict[str, Any]]]:
    """The head and the facts; None and no facts where there is no ledger, or one of an earlier version."""
    try:
        first, *facts = [json.loads(line) for line in store.read_bytes(path).decode().split("\n")[:-1]]
    except MissingFileError:
        return None, []
    except ValueError as error:
        raise StorageError(f"cannot read {store.path(path)}: {error}; delete it, and all is asked for again") from error
    if set(first) != {field.name for field in fields(LedgerHead)}:
        return None, []
    return LedgerHead(**first), facts


def answers_of(facts: Iterable[Fact]) -> Iterator[Fact]:
    """The final facts of pages and pictures, which are valid for every request of the same address."""
    for fact in facts:
        reason = reason_of(fact)
        is_complete = fact["fact"] == "page" or (fact["fact"] == "picture" and (reason or "media_offset" in fact))
        if is_complete and reason not in TRANSIENT | OURS:
            yield fact


def unplaced(fact: Fact) -> dict[str, Any]:
    """A picture's fact without the offset of its bytes, which differs from tar to tar."""
    return {name: value for name, value in fact.items() if name != "media_offset"}


def _placed(fact: Fact, offsets: Mapping[str, int]) -> dict[str, Any]:
    placed = unplaced(fact)
    if fact["fact"] == "picture" and fact["refusal"] is None and fact["key"] in offsets:
        placed["media_offset"] = offsets[fact["key"]]
    return placed


def _holds(fact: Fact, store: Store, media: str, spool: Path) -> bool:
    if (reason := reason_of(fact)) is not None:
        return reason not in TRANSIENT | OURS | {"taken_down"}
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


def facts_of(earlier_facts: Sequence[Fact], new: Sequence[Fact]) -> list[Fact]:
    """Earlier and new facts together, without those about the crawling process and the time."""
    return [fact for fact in (*earlier_facts, *new) if fact["fact"] not in ("end", "hosts", "site_file", "read")]
