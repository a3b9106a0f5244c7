"""The SQLite file of a study. Its constraints make it impossible to count an answer twice."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vsd2m.core.errors import StorageError

VERSION = 1
BUSY_SECONDS = 30.0

_SCHEMA = f"""
PRAGMA user_version = {VERSION};
CREATE TABLE study (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    config TEXT NOT NULL
) STRICT;
CREATE TABLE model (
    model INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE prompt (
    prompt INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;
CREATE TABLE sticker (
    sticker TEXT PRIMARY KEY,
    prompt INTEGER NOT NULL REFERENCES prompt,
    model INTEGER NOT NULL REFERENCES model,
    content_type TEXT NOT NULL,
    source TEXT NOT NULL,
    UNIQUE (prompt, model)
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
    prompt INTEGER NOT NULL REFERENCES prompt,
    shown TEXT NOT NULL,
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


def create(path: Path) -> None:
    """Writes an empty study, in write-ahead mode so that readers never wait for writers."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
    finally:
        connection.close()


@contextmanager
def open_study(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection with one write transaction: committed when the block ends, rolled back when it raises.

    Raises `StorageError` if the file is missing, is not a study of this version, or stays locked.
    """
    if not path.is_file():
        raise StorageError(f"there is no study at {path.parent}; create it with `vsd2m preference create`")
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            raise StorageError(f"{path}: expected a study of version {VERSION}, found {version}; create a new study")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StorageError(f"cannot use {path}: {error}") from error
    finally:
        connection.close()  # an open transaction is rolled back
