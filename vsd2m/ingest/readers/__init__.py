"""Readers of file formats, tried in this order. A new format is a file in this folder and a line below."""

from collections.abc import Sequence

from vsd2m.core.registry import component
from vsd2m.ingest.readers.base import Reader

READERS: dict[str, str] = {
    "webdataset": "vsd2m.ingest.readers.webdataset:WebDatasetReader",
    "parquet": "vsd2m.ingest.readers.parquet:ParquetReader",
    "arrow": "vsd2m.ingest.readers.arrow:ArrowReader",
    "whatsapp": "vsd2m.ingest.readers.whatsapp:WhatsAppReader",
    "line": "vsd2m.ingest.readers.line:LineReader",
    "zip": "vsd2m.ingest.readers.zip:ZipReader",
    "signal": "vsd2m.ingest.readers.signal:SignalReader",
    "picture": "vsd2m.ingest.readers.picture:PictureReader",
}


def reader_classes(names: Sequence[str] | None) -> dict[str, type[Reader]]:
    """Name -> class of the readers to try, in order; None: all. `ConfigError` for an unknown name."""
    return {name: component(READERS, name, kind="reader", base=Reader) for name in names or READERS}
