"""What sites said as a whole (robots.txt and the like), byte for byte, with hash and date.

It stands beside the committed files and in no commit record, because it depends on the time.
"""

import json
import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from vsd2m.core.storage import Store
from vsd2m.crawl.records.outcomes import Fact


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
