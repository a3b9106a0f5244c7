from pathlib import Path

import jsonschema
import pytest
import yaml

from vsd2m.core.errors import ConfigError
from vsd2m.pipelines.configs import CONFIGS, config_text
from vsd2m.pipelines.engine.config import json_schema, nested, read_config
from vsd2m.pipelines.engine.plan import expected_cost, make_plan


def read(tmp_path: Path, text: str, **overrides):
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return make_plan(read_config(str(path), overrides))


def changed(path: str, value) -> str:
    """The gallery config with one value set."""
    values = yaml.safe_load(config_text("gallery"))
    here = values
    *parents, last = path.split(".")
    for parent in parents:
        here[parent] = here[parent] or {}
        here = here[parent]
    here[last] = value
    return yaml.safe_dump(values, sort_keys=False)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_packaged_config_is_a_plan_and_fits_the_schema(name, tmp_path):
    plan = read(tmp_path, config_text(name))
    first = {"gallery": "crawl", "ingest": "ingest"}[name]
    assert [planned.name for planned in plan.stages][:2] == [first, "catalog"]
    jsonschema.Draft202012Validator(json_schema()).validate(yaml.safe_load(config_text(name)))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("partition_size", 0, "partition_size: input should be greater than or equal to 1, found 0"),
        ("partition_size", "many", "partition_size: input should be a valid integer"),
        ("partitionsize", 5, "partitionsize: unknown key \\(did you mean 'partition_size'\\?\\); allowed: run, "),
        ("stages.crawl.source.sight", "x", "stages.crawl.source.sight: unknown key \\(did you mean 'site'\\?\\)"),
        ("stages.crawl.source.site", "ftp://x", "stages.crawl.source.site: expected http://HOST"),
        ("stages.crawl.source", "galery", "stages.crawl.source: unknown source 'galery' \\(did you mean 'gallery'"),
        ("stages.crawl.site", "http://x", "stages.crawl: `site` is an option of the source now: source: {source: NAME"),
        ("stages.ocrr", {}, "stages.ocrr.stage: unknown stage 'ocrr' \\(did you mean 'ocr'\\?\\); known: crawl, "),
        (
            "stages.crawl.words",
            "cat",
            r"^stages.crawl.words: input should be a valid list, or 'all', found 'cat'; write a list: \[cat\]$",
        ),
        (
            "stages.crawl.words",
            [True],
            "^stages.crawl.words.0: input should be a valid string, found True; "
            'YAML reads yes, on and true as true: write text in quotes, such as "yes"$',
        ),
        ("stages.crawl.words", [False], 'YAML reads no, off and false as false: write text in quotes, such as "no"$'),
        (
            "stages.crawl.words",
            ["a", 42],
            '^stages.crawl.words.1: input should be a valid string, found 42; write text in quotes: "42"$',
        ),
        (
            "stages.media_filter.rules.aspect_ratio.max_ratio",
            0.5,
            r"stages.media_filter.rules.aspect_ratio.max_ratio: .*0.5",
        ),
        ("stages.media_filter.rules.aspect_ratio.max", 2, r"stages.media_filter.rules.aspect_ratio.max: unknown key"),
        (
            "stages.caption.engine",
            {"engine": "fake", "repply": "x"},
            r"stages.caption.engine.repply: unknown key \(did you mean 'reply'\?\); allowed: engine, reply$",
        ),
        (
            "stages.caption.engine",
            {"engine": "vlm"},
            r"stages.caption.engine: unknown engine 'vlm' \(did you mean 'vllm'",
        ),
        ("stages.describe.describer", {"max_colours": 9}, "stages.describe.describer.max_colours: .* found 9$"),
        ("stages.Big", {"stage": "ocr"}, "'Big' is not a stage name"),
        (
            "stages.mine",
            {"stage": "no_such_module:Stage"},
            "stages.mine.stage: cannot import the stage 'no_such_module:Stage'",
        ),
        ("stages.mine", {"stage": "pathlib:Path"}, "'pathlib:Path' is not a stage"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path_and_what_is_allowed(path, value, message, tmp_path):
    with pytest.raises(ConfigError, match=message) as refusal:
        read(tmp_path, changed(path, value))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("path", "least", "most"),
    [
        ("run", "x", "/a/b"),
        ("partition_size", 1, 100_000),
        ("max_failed_share", 0, 1),
        ("time_limit_s", 1e-9, 1e9),
        ("storage_patience_s", 0, 1e9),
    ],
)
def test_the_outermost_values_of_a_range_are_allowed(path, least, most, tmp_path):
    for value in (least, most):
        assert getattr(read(tmp_path, changed(path, value)).config, path) == value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("partition_size", 100_001),
        ("max_failed_share", -0.01),
        ("max_failed_share", 1.01),
        ("time_limit_s", 0),
        ("time_limit_s", float("inf")),
        ("storage_patience_s", -0.01),
        ("storage_patience_s", float("inf")),
    ],
)
def test_values_beyond_a_range_are_refused(path, value, tmp_path):
    with pytest.raises(ConfigError, match=rf"{path}: input should be .*found {value}$"):
        read(tmp_path, changed(path, value))


@pytest.mark.parametrize(("path", "value"), [("run", ""), ("stages", {})])
def test_what_must_not_be_empty_is_refused(path, value, tmp_path):
    with pytest.raises(ConfigError, match=f"{path}: .* should have at least 1 "):
        read(tmp_path, changed(path, value))


def test_what_the_config_refuses_the_schema_refuses_too():
    validator = jsonschema.Draft202012Validator(json_schema())
    for path, value in (
        ("partition_size", 0),
        ("nonsense", 1),
        ("stages.crawl.source.sight", "x"),
        ("stages.ocrr", {}),
        ("stages.mine", {"stage": "ocrr"}),
        ("stages.caption.engine", "vlm"),
        ("stages.caption.engine", {"engine": "fake", "repply": "x"}),
        ("stages.describe.describer", {"max_colours": 9}),
    ):
        assert not validator.is_valid(yaml.safe_load(changed(path, value))), path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("stages.mine", {"stage": "your.stages:Mine", "anything": 1}),
        ("stages.caption.engine", "fake"),
        ("stages.caption.engine", {"model": "gemma3-270m"}),
        ("stages.caption.engine", {"engine": "your.engines:Mine", "anything": 1}),
        ("stages.caption.chinese", {"engine": "your.engines:Mine"}),
        ("stages.describe.describer", {"describer": "measured", "max_words": 0}),
        ("stages.describe.describer", {"describer": "your.describers:Mine", "anything": 1}),
    ],
)
def test_the_schema_accepts_components_by_name_and_of_ones_own(path, value):
    jsonschema.Draft202012Validator(json_schema()).validate(yaml.safe_load(changed(path, value)))


def test_a_key_given_twice_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="key 'run' is given twice"):
        read(tmp_path, "run: a\nrun: b\nstages: {crawl: null}\n")


def test_text_that_is_no_mapping_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="expected a mapping of keys to values, found list"):
        read(tmp_path, "- run\n")
    with pytest.raises(ConfigError, match="not YAML"):
        read(tmp_path, "run: [a\n")


def test_a_stage_before_the_one_it_reads_from_is_refused(tmp_path):
    values = yaml.safe_load(config_text("gallery"))
    stages = values["stages"]
    values["stages"] = {name: stages[name] for name in ("crawl", "catalog", "media_filter", "probe")}
    with pytest.raises(
        ConfigError, match="stages.media_filter: reads '.*', which no earlier stage writes; put 'probe' first"
    ):
        read(tmp_path, yaml.safe_dump(values, sort_keys=False))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("catalog", "probe"), "catalog, probe"),
        (("crawl",), "crawl"),
        (("crawl", "probe", "catalog"), "crawl, probe, catalog"),
    ],
)
def test_a_plan_begins_with_a_source_and_a_catalog(names, found, tmp_path):
    stages = yaml.safe_load(config_text("gallery"))["stages"]
    config = {"run": "x", "stages": {name: stages[name] for name in names}}
    with pytest.raises(ConfigError, match=rf"expected a source \(crawl, ingest\), then catalog, .*; found {found}$"):
        read(tmp_path, yaml.safe_dump(config, sort_keys=False))


def test_overrides_reach_into_the_config(tmp_path):
    plan = read(tmp_path, config_text("gallery"), **{"stages.crawl.words": ["cat"], "run": "elsewhere"})
    assert plan.config.run == "elsewhere"
    assert plan.stage("crawl").stage.config.words == ("cat",)


def test_dotted_overrides_become_a_nested_mapping():
    assert nested({"a.b": 1, "a.c.d": 2, "e": 3}) == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}


def test_the_identity_follows_what_changes_the_output_and_nothing_else(tmp_path):
    identity = lambda path, value: read(tmp_path, changed(path, value)).stage("crawl").identity  # noqa: E731
    first = identity("partition_size", 10)
    assert identity("partition_size", 20) == first
    assert identity("stages.crawl.concurrency", 3) == first
    assert identity("stages.crawl.max_file_bytes", 1000) != first


def test_the_expected_cost_grows_with_the_stickers(tmp_path):
    plan = read(tmp_path, config_text("gallery"))
    small, large = (sum(c.cpu_seconds for c in expected_cost(plan, num_stickers=n)) for n in (1000, 2000))
    assert large == pytest.approx(2 * small) and small > 0
