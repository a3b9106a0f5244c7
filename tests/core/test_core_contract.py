import hashlib
import pickle
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vsd2m.core import errors
from vsd2m.core.commit import CommitRecord, digest
from vsd2m.core.errors import ConfigError, MissingExtraError, StageError
from vsd2m.core.keys import sticker_key
from vsd2m.core.registry import check_extra, import_extra
from vsd2m.core.schema import INPUT_DIGEST, KEY, columns_schema
from vsd2m.pipelines.configs import config_text
from vsd2m.pipelines.engine.config import PipelineConfig, stage_of
from vsd2m.pipelines.engine.plan import make_plan
from vsd2m.pipelines.engine.stages import columns_by_stage, contract

COUNTS = {"num_read": 10, "num_kept": 7, "num_dropped": 2, "num_failed": 1}


def record(**changes) -> CommitRecord:
    facts = {
        "stage": "probe", "partition": 3, "identity": "i", "inputs": "n", "outputs": {}, "reasons": {}, "versions": {},
        "config": {}, "seconds": 1.5, "num_computed": 10, **COUNTS,
    }  # fmt: skip
    return CommitRecord.model_validate({**facts, **changes})


def test_a_commit_record_survives_its_file():
    assert CommitRecord.model_validate_json(record().to_bytes()) == record()


def test_a_commit_record_and_what_it_says_of_its_files_cannot_be_changed():
    one = record(outputs={"a.parquet": {"sha256": "0", "num_bytes": 1}})
    for part, name in ((one, "num_read"), (one.outputs["a.parquet"], "num_bytes")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, name, 2)


@given(st.sampled_from(sorted(COUNTS)), st.integers(1, 5))
def test_a_record_that_loses_or_doubles_a_sticker_cannot_be_made(name, by):
    with pytest.raises(StageError, match="!= read"):
        record(**{name: COUNTS[name] + by})


def test_a_partition_of_nothing_has_a_record_and_no_count_is_below_zero():
    nothing = dict.fromkeys((*COUNTS, "num_computed", "seconds"), 0)
    assert record(**nothing).num_read == 0
    for name in nothing:
        with pytest.raises(ValidationError, match=f"(?s){name}.*greater than or equal to 0"):
            record(**{name: -1})


def test_a_digest_is_the_sha256_of_canonical_json():
    text = '{"a":["贴纸",null],"b":1.5}'
    assert digest({"b": 1.5, "a": ["贴纸", None]}) == hashlib.sha256(text.encode()).hexdigest()


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.integers())))
def test_a_digest_does_not_depend_on_the_order_of_keys(value):
    assert digest(value) == digest(dict(reversed(value.items())))


def test_keys_are_the_start_of_the_published_sha256_of_the_bytes():
    """FIPS 180-2, the one-block message "abc"."""
    assert sticker_key(b"abc") == "ba7816bf8f01cfea414140de5dae2223"


def test_every_column_goes_through_parquet_with_its_type(tmp_path):
    schema = columns_schema(tuple(contract()), contract())
    empty = pa.Table.from_pylist([{"key": "k", INPUT_DIGEST.name: bytes(8)}], schema=schema)
    pq.write_table(empty, tmp_path / "x.parquet")
    assert pq.read_schema(tmp_path / "x.parquet").equals(schema)
    assert not schema.field(KEY.name).nullable


def test_every_column_is_declared_once_and_says_what_it_is():
    declared = dict.fromkeys(columns_by_stage().values())  # stages before the catalog declare the same columns
    columns = [column for stage_columns in declared for column in stage_columns]
    assert len(contract()) == len(columns) > 50
    for column in columns:
        column.check()


def test_the_registered_stages_declare_what_their_modules_say():
    config = yaml.safe_load(config_text("gallery"))
    plan = make_plan(PipelineConfig.model_validate(config))
    scored = {name: stage_of(name, {"model": "./weights"}) for name in ("unsafe", "watermark")}
    others = scored | {"perceptual_hashes": stage_of("perceptual_hashes", None)}
    others |= {"ingest": stage_of("ingest", {"path": "stickers"})}
    stages = {planned.registered: planned.stage for planned in plan.stages} | others
    assert {name: stage.spec.columns for name, stage in stages.items()} == dict(columns_by_stage())


def test_a_missing_extra_names_the_command_that_installs_it():
    with pytest.raises(MissingExtraError, match=r"in a checkout of vsd2m: pip install '\.\[train\]'"):
        import_extra("a_module_nobody_has", extra="train")


def test_what_another_process_imports_is_looked_for_and_not_imported(tmp_path, monkeypatch):
    (tmp_path / "imported_elsewhere.py").write_text("raise AssertionError('imported here')\n")
    monkeypatch.syspath_prepend(tmp_path)
    check_extra("imported_elsewhere", extra="crawl")
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[crawl\]'"):
        check_extra("a_module_nobody_has", extra="crawl")


def test_an_import_error_inside_an_installed_module_is_not_mistaken_for_a_missing_extra(tmp_path, monkeypatch):
    (tmp_path / "half_broken.py").write_text("import a_module_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError) as error:
        import_extra("half_broken", extra="train")
    assert not isinstance(error.value, MissingExtraError)


def test_every_error_survives_the_way_between_processes():
    samples = [
        errors.MediaError("truncated", "ends early", 3.0, 4.0),
        MissingExtraError("torch", "train"),
        ConfigError("x"),
    ]
    assert str(samples[0]) == "truncated: ends early"
    for error in samples:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_the_command_line_answers_a_mistake_in_one_line_without_a_traceback(tmp_path):
    for arguments in (["status", str(tmp_path)], ["run", str(tmp_path / "none.yaml")], ["run", "x", "--set", "oops"]):
        done = subprocess.run(
            [sys.executable, "-m", "vsd2m.cli.main", *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1, done.stderr
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
        assert done.stdout == ""


def test_plan_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="expected a source"):
        make_plan(PipelineConfig(run="x", stages={"catalog": None}))
