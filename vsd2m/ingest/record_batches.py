"""Pictures in the rows of Arrow tables: bytes, or the `{bytes, path}` of the `datasets` library."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from vsd2m.core.finds.statements import Statement, columns_of, statement_of, texts_in
from vsd2m.ingest.archives import unsafe_name
from vsd2m.ingest.readers.base import InputFile, Limits, Member, Refusal, too_large


def pictures_in(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, file: InputFile, columns: Mapping[str, str], limits: Limits
) -> Iterator[Member]:
    """One member per row, named by its number and, where the row names its picture, by that name."""
    if duplicates := [name for name, number in Counter(schema.names).items() if number > 1]:
        raise Refusal("damaged_archive", detail=f"more than one column is named {', '.join(duplicates)}")
    mapped = {name: column for name, column in columns.items() if column in schema.names}
    found_columns = columns_of(schema.names, mapped, where=file.name)
    picture = mapped.get("picture") or _picture_column(schema, found_columns.get("picture"))
    if picture is None:
        raise _no_pictures(schema, found_columns)
    names = _label_names(schema)
    described_columns = {name: column for name, column in found_columns.items() if column != picture}
    read = [picture, *(column for column in dict.fromkeys(described_columns.values()) if column in schema.names)]
    number = 0
    for batch in batches:
        selection = batch.select(read)
        selection.validate(full=True)  # a text of a false length would end the process
        for row in _rows(selection):
            labelled = {name: _label(names.get(name), value) for name, value in row.items()}
            yield _member(number, row[picture], statement_of(labelled, described_columns), file, limits)
            number += 1


@contextlib.contextmanager
def damage_refused() -> Iterator[None]:
    """Turns Arrow's errors for damaged files into a `Refusal`; errors of the storage pass through."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and (type(error) is not OSError or error.errno is not None):
            raise  # errors of Arrow itself have no number
        raise Refusal("damaged_archive", detail=f"{type(error).__name__}: {error}") from error


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """Row by row: the pictures of a whole batch are copied one at a time."""
    for number in range(batch.num_rows):
        yield {name: _value(batch.column(name)[number]) for name in batch.schema.names}


def _value(cell: pa.Scalar) -> Any:
    try:
        return cell.as_py()
    except (OverflowError, ValueError):  # a time that Python has no type for
        return cell.cast(pa.string()).as_py()


def _member(number: int, cell: Any, statement: Statement, file: InputFile, limits: Limits) -> Member:
    name = f"{number:06d}"
    data, path = (cell.get("bytes"), cell.get("path")) if isinstance(cell, Mapping) else (cell, None)
    if path:
        name = f"{name}/{str(path).replace(chr(92), '/').rpartition('/')[2]}"
    if data is None:
        return Member(name, _content_beside(path, file, limits), statement)
    data = bytes(data)
    content = data if len(data) <= limits.max_file_bytes else too_large(len(data), limits.max_file_bytes)
    return Member(name, content, statement)


def _content_beside(path: Any, file: InputFile, limits: Limits) -> bytes | Refusal:
    """The bytes of a row that names a file instead of holding it; only files beside the table are read."""
    if not path:
        return Refusal("missing_file", detail="the row has no bytes and names no file")
    if unsafe_name(str(path)):
        return Refusal("unsafe_name", detail=f"{path}: only files beside the table are read")
    named_file = file.beside(str(path))
    if named_file is None:
        return Refusal("missing_file", detail=f"{path}: the row names it, and there is no such file")
    try:
        return named_file.read(limits.max_file_bytes)
    except Refusal as refusal:
        return refusal


def _picture_column(schema: pa.Schema, guess: str | None) -> str | None:
    """The column that holds pictures: the one of a likely name, or the first of a type that can."""
    candidates = [guess] if guess is not None else []
    candidates += schema.names
    return next((name for name in candidates if _can_hold_pictures(schema.field(name).type)), None)


def _can_hold_pictures(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 and _can_hold_pictures(kind.field("bytes").type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _no_pictures(schema: pa.Schema, columns: Mapping[str, str]) -> Refusal:
    advice = "; it has addresses, which a crawl stage with `source: addresses` downloads" if "url" in columns else ""
    names = ", ".join(schema.names)
    return Refusal("no_pictures", detail=f"no column holds pictures as bytes; the columns are {names}{advice}")


def _label_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Column -> names of its classes, if the `datasets` library recorded them."""
    try:
        described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = described["info"]["features"]
        return {
            name: feature["names"]
            for name, feature in features.items()
            if isinstance(feature, dict) and isinstance(feature.get("names"), list)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _label(names: list[str] | None, value: Any) -> Any:
    is_known = names is not None and isinstance(value, int) and 0 <= value < len(names)
    return texts_in(names[value]) if names is not None and is_known else value
