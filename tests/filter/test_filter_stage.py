import pickle
import sys
from types import ModuleType
from typing import ClassVar

import jsonschema
import pytest
from pydantic import ValidationError

from vsd2m.core.stage import Batch, Drop
from vsd2m.filter.rule import Check, Row, Rule
from vsd2m.filter.stage import FilterConfig, FilterStage

ROWS = [
    {"key": f"{n:032x}", "aspect_ratio": 1 + n / 5, "entropy": 8 - n / 2, "ocr_num_characters": 3 * n}
    for n in range(20)
]


def stage(**rules) -> FilterStage:
    return FilterStage(FilterConfig(rules=rules))


def test_a_sticker_is_dropped_for_the_first_rule_of_the_registry_that_it_breaks():
    both_ways = [
        stage(entropy={"min_bits": 7}, aspect_ratio={"max_ratio": 1.5}),
        stage(aspect_ratio={"max_ratio": 1.5}, entropy={"min_bits": 7}),
    ]
    outcomes = [made.process(Batch(ROWS)) for made in both_ways]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][19] == Drop("aspect_ratio_too_high", value=4.8, limit=1.5, detail="aspect_ratio")
    assert outcomes[0][1] == {}


def test_outcomes_do_not_depend_on_the_batches():
    made = stage(aspect_ratio={}, entropy={"min_bits": 2}, text_length={"max_characters": 20})
    whole = made.process(Batch(ROWS))
    assert [made.process(Batch([row]))[0] for row in ROWS] == whole
    assert {drop.reason for drop in whole if drop} == {"aspect_ratio_too_high", "text_too_long"}


def test_the_stage_reads_what_its_rules_read_and_nothing_else():
    assert stage(text_length={}).spec.reads == ("ocr_num_characters",)
    assert set(stage(size={}, static_though_animated={}, num_frames={}).spec.reads) == {
        "width", "height", "num_frames", "num_distinct_frames",
    }  # fmt: skip
    assert stage(size={}).spec.writes == ()


@pytest.mark.parametrize(
    ("rules", "path", "says"),
    [
        ({"text_length": {"max_characters": -1}}, ("rules", "text_length", "max_characters"), "greater than or equal"),
        ({"size": {"smallest": 3}}, ("rules", "size", "smallest"), "Extra inputs"),
        ({"size": {"min_side": 9, "max_side": 3}}, ("rules", "size"), "nothing would be kept"),
        ({"num_frames": {"min_frames": 9, "max_frames": 3}}, ("rules", "num_frames"), "nothing would be kept"),
        (
            {"textlength": {}},
            ("rules",),
            "unknown rule 'textlength' .did you mean 'text_length'.+; known: size, aspect_ratio",
        ),
        ({}, ("rules",), "at least 1 item"),
        ({"entropy": 3}, ("rules", "entropy"), "dictionary"),
    ],
)
def test_a_wrong_config_is_refused_with_the_path_of_the_field(rules, path, says):
    with pytest.raises(ValidationError, match=says) as caught:
        FilterConfig(rules=rules)
    assert caught.value.errors()[0]["loc"] == path


def test_the_identity_holds_every_limit_and_no_rule_that_was_not_asked_for():
    fields = FilterConfig(rules={"blank": None, "size": {"min_side": 20}}).output_fields()
    assert fields == {"rules": {"size": {"min_side": 20, "max_side": None}, "blank": {"max_transparent_share": 0.99}}}
    assert FilterConfig.model_validate(fields).output_fields() == fields


def test_the_json_schema_knows_each_rule_s_limits():
    schema = FilterConfig.model_json_schema()
    jsonschema.validate({"rules": {"size": {"min_side": 20}, "blank": None}}, schema)
    for wrong in ({"rules": {"size": {"least": 20}}}, {"rules": {"sise": {}}}, {"rules": {"entropy": {"min_bits": 9}}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_a_configured_stage_travels_to_another_process():
    made = stage(aspect_ratio={"max_ratio": 2})
    assert pickle.loads(pickle.dumps(made)).process(Batch(ROWS)) == made.process(Batch(ROWS))


class EvenKey(Rule):
    """A rule that nobody registered."""

    reads: ClassVar[tuple[str, ...]] = ("key",)
    max_digit: int = 7

    def checks(self) -> tuple[Check, ...]:
        def last_digit(row: Row) -> float:
            return int(row["key"][-1], 16)

        return (Check("key", last_digit, self.max_digit, "max", "key_too_high"),)


@pytest.fixture
def own_rules(monkeypatch):
    module = ModuleType("own_rules")
    module.EvenKey = EvenKey
    monkeypatch.setitem(sys.modules, "own_rules", module)
    return "own_rules:EvenKey"


def test_a_rule_of_ones_own_is_named_by_its_class_and_comes_after_the_registered_ones(own_rules):
    made = stage(**{own_rules: {"max_digit": 3}, "aspect_ratio": {"max_ratio": 4.5}})
    assert list(made.config.rules) == ["aspect_ratio", own_rules]
    outcomes = [drop.reason if drop else None for drop in made.process(Batch(ROWS))]
    assert outcomes[:5] == [None] * 4 + ["key_too_high"]
    assert outcomes[19] == "aspect_ratio_too_high"
    assert "key" in made.spec.reads
    jsonschema.validate({"rules": {own_rules: {"max_digit": 3}}}, FilterConfig.model_json_schema())


def test_limits_of_a_rule_of_ones_own_are_checked_by_the_rule(own_rules):
    with pytest.raises(ValidationError, match="valid integer") as caught:
        FilterConfig(rules={own_rules: {"max_digit": "few"}})
    assert caught.value.errors()[0]["loc"] == ("rules", own_rules, "max_digit")


@pytest.mark.parametrize(
    ("rule", "says"), [("own_rules:Nothing", "cannot import the rule"), ("pathlib:Path", "is not a rule")]
)
def test_what_is_no_rule_is_refused(own_rules, rule, says):
    with pytest.raises(ValidationError, match=says):
        FilterConfig(rules={rule: {}})


def test_a_rule_has_a_version_of_its_own_in_the_stages_identity(own_rules, monkeypatch):
    before = stage(**{own_rules: {}}).model_versions()
    monkeypatch.setattr(EvenKey, "version", 2)
    assert stage(**{own_rules: {}}).model_versions() != before
