"""A Hugging Face data set as `save_to_disk` leaves it: Arrow streams beside `state.json` and `dataset_info.json`."""

from collections.abc import Iterator
from typing import ClassVar

import pyarrow as pa

from vsd2m.ingest.readers.base import InputFile, Member, Reader
from vsd2m.ingest.record_batches import damage_refused, pictures_in


class ArrowReader(Reader):
    """One picture per row, with the row's other columns."""

    suffixes: ClassVar[tuple[str, ...]] = (".arrow",)

    def read(self, file: InputFile) -> Iterator[Member]:
        with file.open() as opened, damage_refused(), pa.ipc.open_stream(opened) as stream:
            yield from pictures_in(stream, stream.schema, file, self.columns, self.limits)
