"""Writes Parquet that depends on the rows alone, and reads it in the calling thread."""

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def parquet_bytes(table: pa.Table) -> bytes:
    """The table as a Parquet file whose bytes depend on the rows alone."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", compression_level=3, row_group_size=4096, store_schema=True)
    return sink.getvalue()


def read_parquet(file: Any, columns: Sequence[str] | None = None) -> pa.Table:
    """The table in an open file, with all columns or those named, in that order; `KeyError` for one it lacks.

    `pyarrow.parquet.read_table` finishes its work in threads of Arrow. If Python exits meanwhile, they need its lock
    to release the file's buffers, and abort a process that has succeeded.
    """
    names = None if columns is None else list(columns)
    table = pq.ParquetFile(file, pre_buffer=False).read(columns=names, use_threads=False)
    return table if names is None else table.select(names)
