"""A stage of one's own brings columns of its own: they are joined, resumed, read and published like any other."""

import dataclasses
import json
import tarfile

import own_stages
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from own_stages import own_plan, whole_plan

from vsd2m.core.errors import ConfigError, StageError
from vsd2m.core.run import Run
from vsd2m.core.schema import Column
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.stages import contract
from vsd2m.pipelines.status import manifest
from vsd2m.shard.reader import ShardReader, read_columns
from vsd2m.shard.verify import verify

OWN = (own_stages.MOOD, own_stages.MARKS, own_stages.LUCK, own_stages.RATIOS, own_stages.IS_ROUND)
FILES = ("_stats.json", *(f"vsd2m-train-00000{n}.{suffix}" for n in (0, 1) for suffix in ("tar", "parquet")))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return run_local(whole_plan(tmp_path_factory.mktemp("own") / "run"))


def test_own_columns_are_joined_and_read_by_later_stages(run):
    frame = run.frame(["width", "mood", "marks", "luck", "ratios", "is_round", "caption"])
    assert frame.height == 36
    for row in frame.to_dicts():
        number = row["width"]
        assert row["mood"] == f"glad {number}" and row["caption"] == f"GLAD {number}"
        assert (row["luck"], row["ratios"], row["is_round"]) == (number if number % 3 else None, [number / 2], False)


def test_the_runs_file_holds_the_schema_with_types(run):
    described = json.loads(run.store.read_bytes("run.json"))["columns"]
    luck = {"name": "luck", "type": "int64", "description": own_stages.LUCK.description}
    assert {**luck, "in_json": False, "in_samples": True, "published": True} in described
    assert {"width", "caption", "tar_offset"} <= {entry["name"] for entry in described}
    opened = Run.open(run.store.url)
    assert [opened.schema[column.name] for column in OWN] == list(OWN)
    assert opened.schema == run.schema and "ocr_text" not in run.schema
    assert opened.frame([column.name for column in OWN]).equals(run.frame([column.name for column in OWN]))


def test_own_columns_are_published_with_the_shards(run):
    shards = run.store.path("shards")
    reader = ShardReader(shards)
    row = next(row for row in map(reader.__getitem__, reader) if row["width"] == 21)
    assert (row["mood"], row["marks"], row["luck"], row["is_round"]) == ("glad 21", ["odd"], None, False)
    types = {field.name: field.type for field in read_columns(reader.store, reader.shards[0]).schema}
    assert {column.name: types[column.name] for column in OWN} == {column.name: column.type for column in OWN}
    assert "note" not in types
    assert [reader.schema[column.name] for column in OWN] == list(OWN)
    assert verify(shards) == []


def test_the_json_of_a_tar_holds_the_own_columns_that_say_so(run):
    local = run.store.local_path("shards/vsd2m-train-000000.tar")
    with tarfile.open(local) as tar:
        facts = [json.load(tar.extractfile(name)) for name in tar.getnames() if name.endswith(".json")]
    by_number = {entry["width"]: entry for entry in facts}
    assert (by_number[3]["mood"], by_number[3]["marks"], by_number[4]["marks"]) == ("glad 3", ["odd"], [""])
    assert by_number[3]["is_round"] is False
    assert not {"luck", "ratios", "note"} & set(by_number[3])


def test_a_published_file_describes_every_column_it_has(run):
    reader = ShardReader(run.store.path("shards"))
    assert list(reader.schema) == read_columns(reader.store, reader.shards[0]).column_names[1:]
    assert reader.schema["width"] == run.schema["width"] and reader.schema["width"].in_json


def test_shards_that_do_not_describe_themselves_are_named(run, tmp_path):
    for name in FILES:
        (tmp_path / name).write_bytes(run.store.read_bytes(f"shards/{name}"))
    path = tmp_path / "vsd2m-train-000000.parquet"
    pq.write_table(pq.read_table(path).cast(pa.schema([*map(plain, pq.read_schema(path))])), path)
    assert any("columns have no descriptions" in str(problem) for problem in verify(str(tmp_path)))


def plain(field: pa.Field) -> pa.Field:
    return pa.field(field.name, field.type)


def test_the_figures_count_the_values_of_own_columns(run):
    counts = json.loads(run.store.read_bytes("shards/_stats.json"))["num_with_value"]
    numbers = [row["width"] for row in run.frame(["width"]).to_dicts()]
    assert counts["mood"] == counts["is_round"] == len(numbers)
    assert counts["marks"] == sum(number % 2 for number in numbers)
    assert counts["luck"] == sum(number % 3 > 0 for number in numbers)
    assert not {"ratios", "note"} & set(counts)


def test_verify_notices_a_wrong_own_text_in_a_tar(run, tmp_path):
    for name in FILES:
        data = run.store.read_bytes(f"shards/{name}")
        (tmp_path / name).write_bytes(data.replace(b'"mood":"glad 3"', b'"mood":"grim 3"'))
    (problem,) = verify(str(tmp_path))
    assert "the JSON differs from the Parquet: mood" in str(problem)


def test_the_card_and_croissant_name_own_columns_with_type_and_meaning(run):
    card = run.store.read_bytes("shards/README.md").decode()
    assert "| `luck` | int64 | how often it wins; None: not known |" in card
    croissant = json.loads(run.store.read_bytes("shards/croissant.json"))
    fields = {field["name"]: field for field in croissant["recordSet"][0]["field"]}
    assert fields["mood"]["description"] == own_stages.MOOD.description
    assert [fields[name]["dataType"] for name in ("luck", "ratios", "is_round")] == [
        "sc:Integer",
        "sc:Float",
        "sc:Boolean",
    ]


def test_a_second_run_computes_nothing_and_a_changed_config_only_what_follows(tmp_path):
    from vsd2m.pipelines.engine.progress import Silent

    class Done(Silent):
        def __init__(self) -> None:
            self.stages: dict[str, None] = {}

        def partition_done(self, record) -> None:
            self.stages[record.stage] = None

    run_local(whole_plan(tmp_path / "run"))
    again, changed = Done(), Done()
    first = manifest(run_local(whole_plan(tmp_path / "run"), observer=again))
    second = manifest(run_local(whole_plan(tmp_path / "run", word="grim"), observer=changed))
    assert again.stages == {}
    assert set(changed.stages) >= {"mood", "cheer", "shard", "stats"} and not {"source", "measure"} & set(
        changed.stages
    )
    assert first != second == manifest(run_local(whole_plan(tmp_path / "fresh", word="grim")))


def test_the_type_of_an_own_column_is_part_of_the_stages_identity(tmp_path):
    planned = own_plan(tmp_path, mood={"stage": "own_stages:Mood"}).stage("mood")

    class Other(own_stages.Mood):
        @property
        def spec(self):
            wide = tuple(
                dataclasses.replace(column, type=pa.float64()) if column.name == "luck" else column for column in OWN
            )
            return dataclasses.replace(super().spec, columns=wide)

    other = dataclasses.replace(planned, stage=Other(planned.stage.config))
    assert other.identity != planned.identity


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (
            "another type",
            r"stages.declares: column 'mood' is declared as int32 .*, but stage 'mood' declares it as string",
        ),
        (
            "another meaning",
            r"'mood' is declared as string \(something else; in_json; in_samples\), but stage 'mood' declares it as string",
        ),
        (
            "of the contract",
            r"'width' is declared as string \(in words\), but stage 'probe' declares it as int32 \(pixels; in_json\)",
        ),
        ("other flags", r"'mood' is declared as string \(how the number feels; in_samples\), but stage 'mood'"),
        ("hidden", "column 'mine': in_json and in_samples need published=True"),
        ("reserved", "column 'key': expected a name like a variable's"),
        ("no description", "column 'mine': expected a description, found none"),
        ("nested", "column 'mine': the type struct<a: int32> is not supported; expected pa.string"),
        (
            "nothing",
            r"stages.declares: writes 'mine', which no stage declares; give its StageSpec columns=\(Column\('mine', TYPE, ",
        ),
    ],
)
def test_a_wrong_declaration_is_refused_when_the_plan_is_made(case, message, tmp_path):
    stages = {"mood": {"stage": "own_stages:Mood"}, "declares": {"stage": "own_stages:Declares", "case": case}}
    with pytest.raises(ConfigError, match=message):
        own_plan(tmp_path, **stages)


def test_a_stage_may_write_an_own_column_of_another_anew(tmp_path):
    stages = {"mood": {"stage": "own_stages:Mood"}, "declares": {"stage": "own_stages:Declares", "case": "the same"}}
    assert set(run_local(own_plan(tmp_path, **stages)).frame(["mood"])["mood"]) == {"other"}


def test_an_own_column_that_is_read_before_it_is_written_is_refused(tmp_path):
    with pytest.raises(
        ConfigError, match="stages.cheer: reads 'mood', which no earlier stage writes; put 'mood' first"
    ):
        own_plan(tmp_path, cheer={"stage": "own_stages:Cheer"}, mood={"stage": "own_stages:Mood"})
    with pytest.raises(ConfigError, match="stages.cheer: reads 'mood', which no stage declares"):
        own_plan(tmp_path, cheer={"stage": "own_stages:Cheer"})


def test_a_table_stage_that_returns_no_own_column_is_named(tmp_path):
    with pytest.raises(StageError, match="stage forgetful returned no mood, its spec says it writes them"):
        run_local(own_plan(tmp_path, forgetful={"stage": "own_stages:Forgetful"}))


@pytest.mark.parametrize("column", [*OWN, *contract().values()], ids=lambda column: column.name)
def test_a_column_survives_the_runs_file(column):
    assert Column.from_json(json.loads(json.dumps(column.to_json()))) == column
