"""The rows of a table in a file, one after the other: CSV, TSV, JSON lines, Parquet."""

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from vsd2m.core.errors import ConfigError, DamagedFileError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
MAX_CELL = 1 << 20  # characters in one cell of a CSV


def is_table(name: str) -> bool:
    """Whether a file is read as a table, by its name."""
    return name.lower().endswith(SUFFIXES)


def read_rows(file: IO[bytes], name: str, *, header: bool | None = None) -> Iterator[Mapping[str, Any]]:
    """The rows of an open table as name -> value; `DamagedFileError` if it cannot be parsed.

    `header`: whether a CSV or TSV begins with the names of its columns; they are "0", "1", ... where it does not. None:
    it does, unless a cell of the first line is a web address.
    """
    suffix = name[name.rfind(".") :].lower()
    try:
        if suffix == ".parquet":
            yield from _parquet_rows(file)
        elif suffix in (".jsonl", ".ndjson"):
            yield from _json_rows(file)
        else:
            yield from _text_rows(file, "\t" if suffix == ".tsv" else None, header)
    except UnicodeDecodeError as error:
        raise DamagedFileError(f"cannot read {name}: expected UTF-8 text ({error.reason}); convert it first") from error
    except csv.Error as error:
        advice = "; its lines end with CR alone: save it with LF" if "new-line" in str(error) else ""
        raise DamagedFileError(f"cannot read the table {name}: {error}{advice}") from error
    except RecursionError as error:
        raise DamagedFileError(f"cannot read the table {name}: lists in lists in lists, too many of them") from error
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise DamagedFileError(f"cannot read the table {name}: {error}") from error


def column_names(file: IO[bytes], name: str, *, header: bool | None = None) -> list[str]:
    """The names of a table's columns; of JSON lines those of any row. `ConfigError` where it has no rows."""
    if name.lower().endswith(".parquet"):
        try:
            return list(pq.ParquetFile(file).schema_arrow.names)
        except pa.ArrowException as error:
            raise DamagedFileError(f"cannot read the table {name}: {error}") from error
    rows = read_rows(file, name, header=header)
    is_json = name.lower().endswith((".jsonl", ".ndjson"))
    names = dict.fromkeys(column for row in (rows if is_json else itertools.islice(rows, 1)) for column in row)
    if not names:
        raise ConfigError(f"the table {name} has no rows; expected at least one")
    return list(names)


def _text_rows(file: IO[bytes], delimiter: str | None, header: bool | None) -> Iterator[Mapping[str, Any]]:
    csv.field_size_limit(MAX_CELL)
    lines: Iterator[str] = (line.decode("utf-8" if number else "utf-8-sig") for number, line in enumerate(file))
    if delimiter is None:
        head = next(lines, "")
        delimiter, lines = _delimiter(head), itertools.chain([head], lines)
    # a TSV has no quotes: a sentence may begin with one
    is_tsv = delimiter == "\t"
    rows = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE if is_tsv else csv.QUOTE_MINIMAL, strict=True)
    first = next(rows, None)
    if first is None:
        return
    has_names = header if header is not None else not any(_is_address(cell) for cell in first)
    names = first if has_names else [str(number) for number in range(len(first))]
    if duplicates := [cell for cell, number in Counter(names).items() if cell and number > 1]:
        raise ValueError(f"more than one column is named {', '.join(duplicates)}")
    for cells in _chained(None if has_names else first, rows):
        if any(cells[len(names) :]):
            raise ValueError(f"line {rows.line_num}: expected {len(names)} cells, found {len(cells)}")
        if cells:
            yield dict(zip(names, cells, strict=False))


def _delimiter(head: str) -> str:
    """What divides the cells of the line: `;` and tabs too are common in files that are called CSV."""
    outside_quotes = re.sub(r'"[^"]*"', "", head)
    return max(",;\t", key=outside_quotes.count)


def _chained(first: list[str] | None, rows: Iterable[list[str]]) -> Iterator[list[str]]:
    if first is not None:
        yield first
    yield from rows


def _json_rows(file: IO[bytes]) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            row = json.loads(line.decode("utf-8-sig"))
            if not isinstance(row, dict):
                raise ValueError(f"line {number}: expected an object, found {type(row).__name__}")
            yield row


def _parquet_rows(file: IO[bytes]) -> Iterator[Mapping[str, Any]]:
    for batch in pq.ParquetFile(file, pre_buffer=False).iter_batches(batch_size=1024, use_threads=False):
        yield from batch.to_pylist()


def _is_address(cell: str) -> bool:
    return cell.startswith(("http://", "https://"))
