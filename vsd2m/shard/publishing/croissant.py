"""Describes the data set in Croissant 1.0 (https://docs.mlcommons.org/croissant/docs/croissant-spec.html).

Record set `stickers` reads the Parquet files, record set `media` the original bytes out of the tars.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from vsd2m.core.schema import Schema

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


@dataclass(frozen=True)
class PublishedFile:
    """A tar or Parquet file of a shard."""

    name: str
    sha256: str
    num_bytes: int


def croissant(
    about: Mapping[str, Any], columns: Sequence[str], files: Sequence[PublishedFile], schema: Schema
) -> dict[str, Any]:
    """The JSON-LD document. `about` has `name`, `description`, and the known ones of `url`, `license`, `creator`,
    `datePublished`, `version`, `keywords`; `columns` are those of the Parquet files."""
    known_facts = {name: value for name, value in about.items() if value}
    if "creator" in known_facts:
        known_facts["creator"] = {"@type": "sc:Organization", "name": known_facts["creator"]}
    tars = [file for file in files if file.name.endswith(".tar")]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        **known_facts,
        "distribution": [
            *(_file_object(file) for file in files),
            {
                "@type": "cr:FileSet",
                "@id": "columns",
                "description": "every column of every sticker",
                "encodingFormat": "application/x-parquet",
                "includes": "*.parquet",
            },
            {
                "@type": "cr:FileSet",
                "@id": "original-bytes",
                "description": "the pictures as they were found, KEY.media in the tars",
                "containedIn": [{"@id": file.name} for file in tars],
                "encodingFormat": "application/octet-stream",
                "includes": "*.media",
            },
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "stickers",
                "key": {"@id": "stickers/key"},
                "field": [_field("key", "the sticker's key: 32 hex digits of the sha256 of its bytes", pa.string())]
                + [_field(name, schema[name].description, schema[name].type) for name in columns],
            },
            {"@type": "cr:RecordSet", "@id": "media", "key": {"@id": "media/key"}, "field": _media_fields()},
        ],
    }


def _file_object(file: PublishedFile) -> dict[str, Any]:
    kind = "application/x-tar" if file.name.endswith(".tar") else "application/x-parquet"
    return {
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        "contentUrl": file.name,
        "contentSize": f"{file.num_bytes} B",
        "encodingFormat": kind,
        "sha256": file.sha256,
    }


def _field(name: str, description: str, kind: pa.DataType) -> dict[str, Any]:
    is_list = pa.types.is_list(kind)
    return {
        "@type": "cr:Field",
        "@id": f"stickers/{name}",
        "name": name,
        "description": description,
        "dataType": _data_type(kind.value_type if is_list else kind),
        **({"repeated": True} if is_list else {}),
        "source": {"fileSet": {"@id": "columns"}, "extract": {"column": name}},
    }


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Text"


def _media_fields() -> list[dict[str, Any]]:
    files = {"fileSet": {"@id": "original-bytes"}}
    stem = {"extract": {"fileProperty": "filename"}, "transform": {"regex": r"^(.+)\.media$"}}
    return [
        {
            "@type": "cr:Field",
            "@id": "media/key",
            "name": "key",
            "description": "the sticker's key",
            "dataType": "sc:Text",
            "source": {**files, **stem},
            "references": {"field": {"@id": "stickers/key"}},
        },
        {
            "@type": "cr:Field",
            "@id": "media/content",
            "name": "content",
            "description": "the original bytes: GIF, APNG, PNG, WebP or JPEG",
            "dataType": "sc:Text",
            "source": {**files, "extract": {"fileProperty": "content"}},
        },
    ]
