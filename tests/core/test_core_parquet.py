import io
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vsd2m.core.parquet import parquet_bytes, read_parquet

TABLE = pa.table({"key": ["a", "b", "c"], "trigger_words": [["x"], [], ["y", "z"]], "num_bytes": [1, 2, 3]})


@pytest.fixture
def path(tmp_path):
    pq.write_table(TABLE, tmp_path / "table.parquet", row_group_size=2)
    return tmp_path / "table.parquet"


@pytest.mark.parametrize("columns", [None, ["key"], ["num_bytes", "key"], ["trigger_words"]])
def test_it_reads_what_pyarrow_reads(path, columns):
    with path.open("rb") as file:
        assert read_parquet(file, columns).equals(pq.read_table(path, columns=columns))


def test_a_column_that_is_not_there_is_an_error(path):
    with path.open("rb") as file, pytest.raises(KeyError, match="colour"):
        read_parquet(file, ["key", "colour"])


def test_a_later_version_writes_the_same_bytes_in_groups_of_4096_rows():
    """Records name files by their digest: another level or size of groups would change data sets that are the same."""
    table = pa.table({"key": [f"{number * 7919 % 5003}" for number in range(5000)]})
    metadata = pq.ParquetFile(io.BytesIO(parquet_bytes(table))).metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [4096, 904]
    by_level = {}
    for level in range(1, 8):
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd", compression_level=level, row_group_size=4096)
        by_level[level] = sink.getvalue()
    assert [level for level, data in by_level.items() if data == parquet_bytes(table)] == [3]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads where Linux lists them")
def test_no_thread_is_left_that_could_outlive_python(path):
    """Arrow's own pools, which `pyarrow.parquet.read_table` starts, may still free Python's memory at exit."""
    script = f"""
import os
from vsd2m.core.parquet import read_parquet
import pyarrow.parquet as pq
def threads():
    names = [open(f"/proc/self/task/{{task}}/comm").read().strip() for task in os.listdir("/proc/self/task")]
    return sum(not name.startswith("jemalloc") for name in names)
before = threads()
with open({str(path)!r}, "rb") as file:
    read_parquet(file, ["key"])
print(threads() - before)
with open({str(path)!r}, "rb") as file:
    pq.read_table(file, columns=["key"])
print(threads() - before)
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    ours, theirs = map(int, found.stdout.split())
    assert ours == 0
    assert theirs > 0  # else this test sees nothing
