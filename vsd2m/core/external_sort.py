"""Sorting what does not fit into memory."""

import heapq
import json
import tempfile
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import IO, Any

Keyed = tuple[str, Any]
"""(what to sort by, a JSON value)."""

IN_MEMORY = 50_000


def external_sort(pairs: Iterable[Keyed], *, in_memory: int = IN_MEMORY) -> Iterator[Keyed]:
    """`pairs` by their first value, stable; at most `in_memory` are held at once, the rest in temporary files."""
    runs: list[IO[str]] = []
    chunk: list[Keyed] = []
    try:
        for pair in pairs:
            chunk.append(pair)
            if len(chunk) >= in_memory:
                runs.append(_spilled(chunk))
                chunk = []
        chunk.sort(key=itemgetter(0))
        yield from heapq.merge(*map(_read, runs), chunk, key=itemgetter(0))
    finally:
        for run in runs:
            run.close()


def _spilled(chunk: list[Keyed]) -> IO[str]:
    """A temporary file, gone when it is closed, with `chunk` in order."""
    chunk.sort(key=itemgetter(0))
    file = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 (closed by its reader)
    file.writelines(f"{json.dumps(pair)}\n" for pair in chunk)
    file.seek(0)
    return file


def _read(run: IO[str]) -> Iterator[Keyed]:
    for line in run:
        key, value = json.loads(line)
        yield key, value
