"""A shard's bytes, against Python's own tar writer."""

import io
import tarfile

import pytest

from vsd2m.shard.writer import FIELDS, MEDIA_OFFSET, ShardSample, encode_json, tar_index, write_tar

SAMPLES = [
    ShardSample("aa", b"GIF89a" * 200, {"caption": "贴纸", "durations_ms": [40, 40]}, "ok, 好"),
    ShardSample("bb", b"x" * 512, {"caption": None}, ""),
    ShardSample("cc", b"", {}, "one"),
]
JSON = ('{"caption":"贴纸","durations_ms":[40,40]}'.encode(), b'{"caption":null}', b"{}")


def python_tar(count: int) -> bytes:
    """The first `count` samples as tarfile writes them: owner, mode and time as it sets them by default."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for sample, facts in zip(SAMPLES[:count], JSON, strict=False):
            for field, data in (("media", sample.media), ("json", facts), ("txt", sample.text.encode())):
                info = tarfile.TarInfo(f"{sample.key}.{field}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return sink.getvalue()


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_tar_has_the_bytes_that_python_itself_writes(count):
    sink = io.BytesIO()
    write_tar(sink, SAMPLES[:count])
    assert sink.getvalue() == python_tar(count)


@pytest.mark.parametrize("num_blocks", range(1, 24))
def test_a_tar_of_any_length_ends_with_two_empty_blocks_and_fills_its_last_record(num_blocks):
    sink = io.BytesIO()
    offsets = write_tar(sink, [ShardSample("a", b"x" * 512 * num_blocks, {}, "")])
    data = sink.getvalue()
    assert len(data) % tarfile.RECORDSIZE == 0
    assert 1024 <= len(data) - offsets[-1] < 1024 + tarfile.RECORDSIZE
    assert not any(data[offsets[-1] :])


def test_offsets_lead_to_the_stickers_and_their_media():
    sink = io.BytesIO()
    offsets = write_tar(sink, SAMPLES)
    with tarfile.open(fileobj=io.BytesIO(sink.getvalue())) as tar:
        members = tar.getmembers()
    firsts = members[:: len(FIELDS)]
    assert offsets[:-1] == [member.offset for member in firsts]
    assert [start + MEDIA_OFFSET for start in offsets[:-1]] == [member.offset_data for member in firsts]


def test_the_index_holds_each_offset_in_eight_bytes_the_lowest_first():
    assert tar_index([0, 2560, 2**40 + 1]) == b"".join(n.to_bytes(8, "little") for n in (0, 2560, 2**40 + 1))
    assert tar_index([]) == b""


def test_what_is_no_json_is_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_json({"entropy": float("nan")})
