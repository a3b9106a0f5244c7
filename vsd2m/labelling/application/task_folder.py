"""Creates the folder of a labelling task: a database and a copy of the stickers under names that reveal nothing."""

import hashlib
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.labelling.application import database
from vsd2m.media.media_types import MEDIA_TYPES, type_of_file

DATABASE = "labelling.sqlite"
MEDIA = "media"


class NewTask:
    """A task that is being created: `connection` writes to its database."""

    def __init__(self, connection: sqlite3.Connection, media: Path) -> None:
        self.connection = connection
        self._media = media
        self._salt = secrets.token_hex(16)  # labellers must not be able to compute where a sticker comes from

    def add_sticker(self, path: Path) -> str:
        """Copies a sticker; returns its new name, which does not reveal the old one."""
        mime = content_type(path)
        (number,) = self.connection.execute("SELECT count(*) FROM sticker").fetchone()
        digest = hashlib.sha256(f"{self._salt}/{number}".encode()).hexdigest()
        name = f"{digest[:20]}.{mime.rpartition('/')[2]}"
        self.connection.execute("INSERT INTO sticker VALUES (?, ?, ?)", (name, mime, str(path)))
        try:
            shutil.copyfile(path, self._media / name)
        except OSError as error:
            raise StorageError(f"cannot copy {path}: {error.strerror or error}") from error
        return name


@contextmanager
def new_task(folder: Path, *, name: str, config: str, tables: str) -> Iterator[NewTask]:
    """A task in the making; `folder` appears with all of it when the block ends, and not at all when it raises.

    Raises `ConfigError` if `folder` is already in use.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} already exists; serve it, or choose another folder for a new labelling task")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        unfinished = Path(temporary) / "task"
        (unfinished / MEDIA).mkdir(parents=True)
        database.create(unfinished / DATABASE, tables=tables)
        with database.transaction(unfinished / DATABASE) as connection:
            connection.execute("INSERT INTO task VALUES (1, ?, ?)", [name, config])
            yield NewTask(connection, unfinished / MEDIA)
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)


def content_type(path: Path) -> str:
    """The MIME type of a sticker; content decides for pictures, the suffix for videos."""
    media_type = type_of_file(path.read_bytes(), path.suffix)
    if media_type is not None and media_type.in_browsers:
        return media_type.mime
    expected = ", ".join(name for name, media_type in MEDIA_TYPES.items() if media_type.in_browsers)
    raise StorageError(f"{path} is not a sticker that browsers can show; expected {expected}")
