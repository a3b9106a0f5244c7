"""Sizes of many files by one listing of each folder."""

from vsd2m.core.storage import Store


class Listing:
    """The files of a storage as they were at the first query of their folder."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._folders: dict[str, dict[str, int]] = {}

    def size(self, path: str) -> int | None:
        """The size of a file, or None where there is none."""
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = self._store.sizes(folder)
        return self._folders[folder].get(name)
