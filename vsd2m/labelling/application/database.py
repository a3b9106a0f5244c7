"""The SQLite file of a labelling task. Its constraints make it impossible to count an answer twice."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vsd2m.core.errors import StorageError

VERSION = 2
BUSY_SECONDS = 30.0

_TABLES = f"""
PRAGMA user_version = {VERSION};
CREATE TABLE task (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    name TEXT NOT NULL,
    config TEXT NOT NULL
) STRICT;
CREATE TABLE sticker (
    sticker TEXT PRIMARY KEY,
    content_type TEXT NOT NULL,
    source TEXT NOT NULL
) STRICT;
CREATE TABLE labeller (
    labeller INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    seat INTEGER NOT NULL UNIQUE,
    joined TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) STRICT;
CREATE TABLE trial (
    labeller INTEGER NOT NULL REFERENCES labeller,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('choose', 'rate')),
    text TEXT NOT NULL,
    stickers TEXT NOT NULL,
    expected INTEGER,
    PRIMARY KEY (labeller, number)
) STRICT;
CREATE TABLE answer (
    labeller INTEGER NOT NULL,
    number INTEGER NOT NULL,
    question TEXT NOT NULL,
    value INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL CHECK (duration_ms >= 0),
    answered TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    PRIMARY KEY (labeller, number, question),
    FOREIGN KEY (labeller, number) REFERENCES trial (labeller, number)
) STRICT;
"""


def create(path: Path, *, tables: str) -> None:
    """Writes an empty database that has the task's `tables` too, in write-ahead mode: readers never wait."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_TABLES + tables)
    finally:
        connection.close()


@contextmanager
def transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection with one write transaction: committed when the block ends, rolled back when it raises.

    Raises `StorageError` if the file is missing, is not a labelling task of this version, or stays locked.
    """
    if not path.is_file():
        raise StorageError(
            f"there is no labelling task at {path.parent} (no file {path.name}); "
            "create one first, for example with `vsd2m preference create`"
        )
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            raise StorageError(
                f"{path}: expected a labelling task of version {VERSION}, found version {version}; create a new one"
            )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StorageError(f"cannot use {path}: {error}") from error
    finally:
        connection.close()  # an open transaction is rolled back
