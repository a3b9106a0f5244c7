"""Files of sites about their use (robots.txt and the like), byte for byte, with hash and date.

They are stored beside the committed files and in no commit record, because they depend on the time.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from vsd2m.core.errors import MissingFileError, StorageError
from vsd2m.core.storage import Store
from vsd2m.crawl.records.outcomes import Fact

MAX_KEPT_BYTES = 512 << 10
"""Of one file of a site; its hash is that of all of it."""


def site_file(address: str, status: int, body: bytes) -> dict[str, Any]:
    """The fact of a file that a site answered with, as it stood when it was read."""
    about = {"address": address, "status": status, "sha256": hashlib.sha256(body).hexdigest(), "read_at": now()}
    return {**about, "body": body[:MAX_KEPT_BYTES].decode("latin-1")}


def now() -> str:
    """The time as evidence and the rights ledger state it; no other record depends on the clock."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def keep_evidence(store: Store, folder: str, facts: Iterable[Fact]) -> None:
    """Writes each file under `folder/sites/HOST/`, once for each of its contents, with a JSON beside it."""
    for fact in facts:
        if fact["fact"] != "site_file":
            continue
        path = f"{folder}/sites/{evidence_name(fact['address'])}-{fact['sha256'][:16]}"
        facts_about = {name: fact[name] for name in ("address", "status", "sha256", "read_at")}
        if store.create_bytes(f"{path}.json", (json.dumps(facts_about, indent=2) + "\n").encode()):
            store.write_bytes(path, fact["body"].encode("latin-1"))


def evidence_name(address: str) -> str:
    """`HOST/NAME` of a file's address, as a path."""
    split = urlsplit(address)
    host = re.sub(r"[^a-z0-9.-]", "_", split.netloc.lower()).strip(".")
    name = re.sub(r"[^A-Za-z0-9._-]", "_", PurePosixPath(split.path).name).strip(".")
    return f"{host or '_'}/{name or '_'}"


def dates_path(folder: str, partition: int) -> str:
    """Where the dates of a partition's downloads lie, relative to the run."""
    return f"{folder}/read-{partition:06d}.jsonl"


def keep_dates(store: Store, path: str, facts: Iterable[Fact]) -> None:
    """Writes when each address was read; what an earlier crawl read and this one did not ask for keeps its date."""
    dates = read_dates(store, path)
    dates.update({fact["address"]: fact["read_at"] for fact in facts if fact["fact"] == "read"})
    lines = (json.dumps({"address": address, "read_at": dates[address]}) for address in sorted(dates))
    store.write_bytes(path, "".join(f"{line}\n" for line in lines).encode())


def read_dates(store: Store, path: str) -> dict[str, str]:
    """Address -> when it was read; empty where nothing was."""
    try:
        lines = store.read_bytes(path).decode().splitlines()
        return {entry["address"]: entry["read_at"] for entry in map(json.loads, lines)}
    except MissingFileError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"cannot read {store.path(path)}: {error!r}; delete it to forget its dates") from error
