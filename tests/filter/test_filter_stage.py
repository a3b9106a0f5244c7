import pickle

import jsonschema
import pytest
from pydantic import ValidationError

from vsd2m.core.stage import Batch, Drop
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
        ({"textlength": {}}, ("rules",), "unknown rule 'textlength'; known: size, aspect_ratio"),
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
