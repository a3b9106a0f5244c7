"""Random access by key."""

import pytest

from vsd2m.core.errors import ConfigError
from vsd2m.shard.reader import ShardReader


def test_any_sticker_is_found_by_key_with_bytes_and_columns(shards_url, rows):
    reader = ShardReader(shards_url)
    assert len(reader) == len(rows)
    for row in rows:
        found = reader[row["key"]]
        assert found["media"] == row["media"] == reader.media(row["key"])
        assert {name: found[name] for name in row} == row


def test_a_reader_of_one_split_knows_only_its_stickers(shards_url):
    whole, test = ShardReader(shards_url), ShardReader(shards_url, split="vsd_r")
    assert 0 < len(test) < len(whole)
    assert set(test) < set(whole)
    assert {test[key]["split"] for key in test} == {"vsd_r"}
    with pytest.raises(ConfigError, match="train"):
        ShardReader(shards_url, split="valid")


def test_an_unknown_key_is_a_key_error(shards_url):
    reader = ShardReader(shards_url)
    assert "0" * 32 not in reader
    with pytest.raises(KeyError):
        reader["0" * 32]


def test_the_columns_come_as_one_polars_frame(shards_url, rows):
    frame = ShardReader(shards_url).to_polars(["key", "caption_zh"])
    expected = {row["key"]: row["caption_zh"] for row in rows}
    assert dict(frame.iter_rows()) == expected
