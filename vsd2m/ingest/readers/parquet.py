"""Parquet with a picture in each row, as bytes or as the `{bytes, path}` of a Hugging Face data set."""

from collections.abc import Iterator
from typing import ClassVar

import pyarrow.parquet as pq

from vsd2m.ingest.readers.base import InputFile, Member, Reader
from vsd2m.ingest.record_batches import damage_refused, pictures_in


class ParquetReader(Reader):
    """One picture per row, with the row's other columns."""

    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)

    def read(self, file: InputFile) -> Iterator[Member]:
        with file.open() as opened, damage_refused():
            table = pq.ParquetFile(opened, pre_buffer=False)
            batches = table.iter_batches(batch_size=64, use_threads=False)
            yield from pictures_in(batches, table.schema_arrow, file, self.columns, self.limits)
