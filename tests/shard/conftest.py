"""One small run, packed into shards, shared by the tests."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from small_run import make_rows, make_run, write_shards

from vsd2m.core.run import Run


@pytest.fixture(scope="session")
def rows() -> list[dict]:
    return make_rows(75)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, rows: list[dict]) -> Run:
    run = make_run(tmp_path_factory.mktemp("run"), rows)
    write_shards(run)
    return run


@pytest.fixture(scope="session")
def shards_url(run: Run) -> str:
    return run.store.path("shards")


@pytest.fixture
def damaged(tmp_path: Path):
    """`damaged(shards, number)` copies the shards and flips a byte of a training sticker: (the folder, its key)."""

    def damage(url: str, number: int) -> tuple[str, str]:
        folder = Path(url)
        if tmp_path not in folder.parents:
            folder = Path(shutil.copytree(folder, tmp_path / "damaged"))
        for path in sorted(folder.glob("vsd2m-train-*.parquet")):
            table = pq.read_table(path, columns=["key", "tar_offset"])
            if number < table.num_rows:
                tar = path.with_suffix(".tar")
                data = bytearray(tar.read_bytes())
                data[table["tar_offset"][number].as_py() + 40] ^= 1
                tar.write_bytes(data)
                return str(folder), table["key"][number].as_py()
            number -= table.num_rows
        raise AssertionError("there are not so many stickers")

    return damage
