"""Writing a page to a local file."""

from pathlib import Path

from vsd2m.core.errors import StorageError
from vsd2m.core.storage import Store


def write_page(path: str | Path, text: str) -> Path:
    """Writes `text` to a local file atomically; `StorageError` if `path` is a folder."""
    target = Path(path).absolute()
    if target.is_dir():
        raise StorageError(f"cannot write {target}: it is a folder; give the name of a file such as report.html")
    Store(str(target.parent)).write_bytes(target.name, text.encode())
    return target
