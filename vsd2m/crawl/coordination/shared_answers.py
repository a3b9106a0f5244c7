"""Answers of addresses, and where the bytes of pictures lie: on disk, so that memory does not grow with a crawl."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class SharedAnswers:
    """The recorded fact by the name of the request (`page ADDRESS`, `picture ADDRESS`)."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # the file lives as long as one run: nothing is read from it after a crash
        self._database.executescript(
            """
            PRAGMA journal_mode = OFF;
            PRAGMA synchronous = OFF;
            CREATE TABLE answers (name BLOB PRIMARY KEY, fact TEXT) WITHOUT ROWID;
            CREATE TABLE media (key TEXT PRIMARY KEY, place TEXT) WITHOUT ROWID;
            """
        )

    def answer(self, name: str) -> dict[str, Any] | None:
        """The fact of what was requested under this name, or None."""
        return self._json("SELECT fact FROM answers WHERE name = ?", _digest(name))

    def put(self, name: str, fact: Mapping[str, Any], place: Mapping[str, Any] | None) -> None:
        """Remembers a fact and, of a downloaded picture, where its bytes lie."""
        self._database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (_digest(name), json.dumps(fact)))
        if place is not None:
            self.put_media(fact["key"], place)

    def put_media(self, key: str, place: Mapping[str, Any]) -> None:
        """Remembers where the bytes of a picture lie now."""
        self._database.execute("INSERT OR REPLACE INTO media VALUES (?, ?)", (key, json.dumps(place)))

    def place(self, key: str) -> dict[str, Any] | None:
        """Where the bytes of a picture lie, or None."""
        return self._json("SELECT place FROM media WHERE key = ?", key)

    def forget(self, name: str, key: str) -> None:
        """Deletes answers whose bytes are lost."""
        self._database.execute("DELETE FROM answers WHERE name = ?", (_digest(name),))
        self._database.execute("DELETE FROM media WHERE key = ?", (key,))

    def close(self) -> None:
        self._database.close()

    def _json(self, query: str, value: Any) -> dict[str, Any] | None:
        row = self._database.execute(query, (value,)).fetchone()
        return None if row is None else json.loads(row[0])


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:16]
