"""What a stage declares, and which of its config's fields count as its output's."""

from typing import Any

import pyarrow as pa
import pytest
from pydantic import Field, ValidationError

from vsd2m.core.schema import Column
from vsd2m.core.stage import Batch, FileStage, StageConfig, StageSpec, neutral


class Inner(StageConfig):
    limit: float = 1.5
    batch_size: int = neutral(8, description="stickers at once", ge=1)


class Outer(StageConfig):
    one: Inner = Inner()
    several: tuple[Inner, ...] = (Inner(), Inner(limit=2))
    by_size: dict[int, Inner] = Field({64: Inner()})
    plain: tuple[int, ...] = (1, 2)
    described: int = Field(3, json_schema_extra={"unit": "px"})
    affecting: int = Field(4, json_schema_extra={"affects_output": True})


def test_written_columns_are_the_declared_ones_then_those_of_others_each_once():
    columns = (Column("mood", pa.string(), "glad or sad"), Column("luck", pa.int64(), "how often"))
    spec = StageSpec("x", 1, (), writes=("caption", "luck"), columns=columns)
    assert spec.writes == ("mood", "luck", "caption")
    assert StageSpec("x", 1, ()).writes == ()
    assert not spec.reads_media and (spec.resources.num_cpus, spec.resources.num_gpus) == (1, 0)


def test_neutral_fields_of_configs_inside_stay_out_of_the_output():
    assert Outer().output_fields() == {
        "one": {"limit": 1.5},
        "several": [{"limit": 1.5}, {"limit": 2.0}],
        "by_size": {"64": {"limit": 1.5}},
        "plain": [1, 2],
        "described": 3,
        "affecting": 4,
    }
    assert Inner(batch_size=2).batch_size == 2
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Inner(batch_size=0)


def test_a_config_cannot_be_changed_has_no_unknown_key_and_repeats_no_input():
    with pytest.raises(ValidationError, match="frozen"):
        Inner().limit = 2  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs are not permitted") as refusal:
        Inner.model_validate({"key": "a secret"})
    assert "a secret" not in str(refusal.value)


def test_a_batch_is_as_long_as_its_rows():
    assert len(Batch([{}, {}], [b"a", b"b"])) == 2 and len(Batch([])) == 0


class Bare(FileStage[StageConfig]):
    @property
    def spec(self) -> StageSpec:
        return StageSpec("bare", 1, ())

    def num_partitions(self, run: Any) -> int:
        return 0

    def input_digest(self, run: Any, partition: int) -> str:
        return ""

    def write_partition(self, run: Any, partition: int) -> Any:
        raise NotImplementedError


def test_a_stage_that_says_nothing_needs_and_costs_nothing():
    stage = Bare(StageConfig())
    assert (stage.model_versions(), dict(stage.packages()), stage.missing()) == ({}, {}, [])
    assert stage.seconds_per_sticker() == 0
    assert Bare.folders == ()
    assert stage.has_transient(None, 0) is False
