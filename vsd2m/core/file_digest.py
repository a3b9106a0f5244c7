"""The digest that identifies a file of weights, a review or a generated sticker."""

import hashlib
from os import PathLike

from vsd2m.core.errors import StorageError


def file_sha256(path: str | PathLike[str]) -> str:
    """The sha256 of a local file's bytes, in hex; `StorageError` if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
