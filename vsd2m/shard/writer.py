"""Writes a shard's tar, byte for byte the same for the same input.

Three members per sticker: `KEY.media` (the original bytes in any format), `KEY.json` and
`KEY.txt`. The media field has one constant name because tar readers infer fields from the first samples.
"""

import json
import struct
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any

FIELDS = ("media", "json", "txt")
MEDIA_OFFSET = tarfile.BLOCKSIZE


@dataclass(frozen=True)
class ShardSample:
    """The members of one sticker in a tar."""

    key: str
    media: bytes
    facts: Mapping[str, Any]
    text: str


def write_tar(file: IO[bytes], samples: Iterable[ShardSample]) -> list[int]:
    """Writes the samples in order; returns the offset of each, and of the end.

    A sticker's media bytes are `MEDIA_OFFSET` after its start.
    """
    offsets = [0]
    for sample in samples:
        members = [
            _member(f"{sample.key}.{field}", data)
            for field, data in zip(FIELDS, (sample.media, encode_json(sample.facts), sample.text.encode()), strict=True)
        ]
        file.writelines(members)
        offsets.append(offsets[-1] + sum(map(len, members)))
    # A tar ends with two empty blocks, filled up to whole records (POSIX.1-1988, ustar).
    end = offsets[-1] + 2 * tarfile.BLOCKSIZE
    file.write(bytes(-end % tarfile.RECORDSIZE + 2 * tarfile.BLOCKSIZE))
    return offsets


def tar_index(offsets: list[int]) -> bytes:
    """`NAME.tar.idx` as Megatron-Energon reads it: the offsets of `write_tar` as little-endian 64-bit numbers."""
    return struct.pack(f"<{len(offsets)}Q", *offsets)


def encode_json(facts: Mapping[str, Any]) -> bytes:
    """Canonical: the given order, no spaces, UTF-8."""
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _member(name: str, data: bytes) -> bytes:
    info = tarfile.TarInfo(name)  # mtime, uid and gid are 0, the owner's name is empty, the mode is 0644
    info.size = len(data)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % tarfile.BLOCKSIZE)
