"""Arrow streams, as `save_to_disk` of the `datasets` library leaves them, and Arrow files."""

from collections.abc import Iterator
from typing import ClassVar

import pyarrow as pa

from vsd2m.ingest.readers.base import InputFile, Member, Reader
from vsd2m.ingest.record_batches import damage_refused, pictures_in

_FILE_SIGNATURE = b"ARROW1"


class ArrowReader(Reader):
    """One picture per row, with the row's other columns."""

    suffixes: ClassVar[tuple[str, ...]] = (".arrow",)

    def read(self, file: InputFile) -> Iterator[Member]:
        with file.open() as opened, damage_refused():
            is_file = opened.read(len(_FILE_SIGNATURE)) == _FILE_SIGNATURE
            opened.seek(0)
            with pa.ipc.open_file(opened) if is_file else pa.ipc.open_stream(opened) as source:
                batches = map(source.get_batch, range(source.num_record_batches)) if is_file else source
                yield from pictures_in(batches, source.schema, file, self.columns, self.limits)
