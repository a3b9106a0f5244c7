"""What a column may be, and how it is written down and read back."""

import dataclasses

import pyarrow as pa
import pytest

from vsd2m.core.errors import ConfigError
from vsd2m.core.finds.columns import FIND_COLUMNS
from vsd2m.core.schema import INPUT_DIGEST, KEY, REJECTS, SCHEMA_VERSION, Column, columns_schema, schema_of

TYPES = (
    pa.string(), pa.bool_(), pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(),
    pa.list_(pa.string()), pa.list_(pa.int32()), pa.list_(pa.float64()),
)  # fmt: skip
FLAGS = ({}, {"in_json": True}, {"in_samples": True}, {"in_json": True, "in_samples": True}, {"published": False})


@pytest.mark.parametrize("kind", TYPES, ids=str)
@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_a_column_of_every_type_is_allowed_and_read_back_from_the_runs_file(kind, flags):
    column = Column("mood", kind, "glad or sad", **flags)
    column.check()
    assert Column.from_json(column.to_json()) == column


@pytest.mark.parametrize("flags", FLAGS[:4], ids=str)
def test_a_published_column_is_read_back_from_its_file(flags):
    column = Column("mood", pa.list_(pa.string()), "glad or sad", **flags)
    field = column.published_field()
    assert (field.name, field.type) == ("mood", column.type)
    assert set(field.metadata) == {b"description", b"in_json", b"in_samples"}
    assert schema_of(pa.schema([pa.field("other", pa.string()), field])) == {"mood": column}
    assert Column.from_published(pa.field("mood", pa.string(), metadata={"unit": "px"})) is None


def test_of_a_find_others_words_its_robots_and_the_place_of_its_bytes_are_not_published():
    own = {"given_words", "given_caption", "tags", "robots", "media_tar", "media_offset"}
    assert {column.name for column in FIND_COLUMNS if not column.published} == own
    assert [column.name for column in FIND_COLUMNS if column.in_json or column.in_samples] == ["num_bytes"]


def test_flags_that_an_earlier_run_did_not_write_have_their_defaults():
    entry = Column("mood", pa.string(), "glad or sad").to_json()
    column = Column.from_json({name: entry[name] for name in ("name", "type", "description")})
    assert (column.in_json, column.in_samples, column.published) == (False, False, True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "two words"}, "expected a name like a variable's"),
        ({"name": "key"}, "and not key, input_digest, partition, media, clip, mask, frame_indices, text"),
        ({"name": "text"}, "expected a name like a variable's"),
        ({"description": " "}, "expected a description, found none"),
        ({"type": pa.float16()}, "the type halffloat is not supported"),
        ({"type": pa.timestamp("s")}, "is not supported"),
        ({"type": pa.list_(pa.binary())}, "is not supported"),
        ({"type": pa.list_(pa.list_(pa.string()))}, "is not supported"),
        ({"type": "string"}, "the type string is not supported"),
        ({"in_json": True, "published": False}, "need published=True"),
        ({"in_samples": True, "published": False}, "need published=True"),
    ],
)
def test_a_column_that_no_stage_could_write_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(Column("mood", pa.string(), "glad or sad"), **changes).check()


def test_a_stages_file_has_the_key_first_and_the_digest_last_and_says_its_version():
    columns = {"mood": Column("mood", pa.string(), "glad or sad"), "luck": Column("luck", pa.int64(), "how often")}
    schema = columns_schema(("luck", "mood"), columns)
    assert schema.names == ["key", "luck", "mood", "input_digest"]
    assert schema.metadata == {b"vsd2m_schema": str(SCHEMA_VERSION).encode()}
    assert not KEY.nullable and not INPUT_DIGEST.nullable and INPUT_DIGEST.type == pa.binary(8)


def test_a_reject_may_lack_bytes_but_has_an_outcome_a_reason_and_a_version():
    assert [field.name for field in REJECTS if not field.nullable] == ["outcome", "reason", "version", "input_digest"]
