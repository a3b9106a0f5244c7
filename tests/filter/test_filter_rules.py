import numpy as np
import pytest
from pydantic import ValidationError

from vsd2m.core.errors import StageError
from vsd2m.core.registry import load
from vsd2m.filter.rules import RULES
from vsd2m.media.measures import measure
from vsd2m.pipelines.engine.stages import contract

# rule, limits, column values exactly on the limit, the same just over it, reason
EDGES = [
    ("text_length", {"max_characters": 40}, {"ocr_num_characters": 40}, {"ocr_num_characters": 41}, "text_too_long"),
    ("entropy", {"min_bits": 1.5}, {"entropy": 1.5}, {"entropy": 1.499}, "entropy_too_low"),
    ("aspect_ratio", {"max_ratio": 3}, {"aspect_ratio": 3.0}, {"aspect_ratio": 3.01}, "aspect_ratio_too_high"),
    ("size", {"min_side": 32}, {"width": 500, "height": 32}, {"width": 31, "height": 500}, "too_small"),
    ("size", {"max_side": 512}, {"width": 512, "height": 40}, {"width": 40, "height": 513}, "side_too_long"),
    ("num_frames", {"min_frames": 2}, {"num_frames": 2}, {"num_frames": 1}, "too_few_frames"),
    ("num_frames", {"max_frames": 9}, {"num_frames": 9}, {"num_frames": 10}, "too_many_frames"),
    ("blank", {"max_transparent_share": 0.9}, {"transparent_share": 0.9}, {"transparent_share": 0.91}, "blank"),
    ("unsafe", {"max_score": 0.5}, {"unsafe_score": 0.5}, {"unsafe_score": 0.51}, "unsafe"),
    ("watermark", {"max_score": 0.3}, {"watermark_score": 0.3}, {"watermark_score": 0.31}, "watermark"),
    (
        "static_though_animated", {}, {"num_frames": 9, "num_distinct_frames": 2},
        {"num_frames": 9, "num_distinct_frames": 1}, "static_though_animated",
    ),
]  # fmt: skip


def rule(name, limits):
    return load(RULES[name]).model_validate(limits)


@pytest.mark.parametrize(("name", "limits", "on", "over", "reason"), EDGES)
def test_a_limit_is_inclusive_and_a_drop_says_value_and_limit(name, limits, on, over, reason):
    made = rule(name, limits)
    assert made.verdict(on) is None
    drop = made.verdict(over)
    assert drop.reason == reason
    assert drop.limit in [check.limit for check in made.checks()]
    check = next(check for check in made.checks() if check.reason == reason)
    assert drop.value == check.value(over)
    assert not check.passes(drop.value)
    assert drop.detail == check.measure


# rule, limit, default, least and greatest allowed (None: no end)
LIMITS = [
    ("size", "min_side", 32, 1, None),
    ("size", "max_side", None, 32, None),
    ("aspect_ratio", "max_ratio", 3.0, 1, None),
    ("num_frames", "min_frames", 1, 1, None),
    ("num_frames", "max_frames", None, 1, None),
    ("static_though_animated", "min_distinct_frames", 2, 2, None),
    ("blank", "max_transparent_share", 0.99, 0, 1),
    ("entropy", "min_bits", 0.05, 0, 8),
    ("unsafe", "max_score", 0.5, 0, 1),
    ("watermark", "max_score", 0.5, 0, 1),
    ("text_length", "max_characters", 40, 0, None),
]


@pytest.mark.parametrize(("name", "limit", "default", "least", "greatest"), LIMITS)
def test_a_limit_has_its_default_and_the_range_that_makes_sense(name, limit, default, least, greatest):
    assert getattr(rule(name, {}), limit) == default
    for value, beyond in ((least, -1), (greatest, 1)):
        if value is not None:
            assert getattr(rule(name, {limit: value}), limit) == value
            with pytest.raises(
                ValidationError, match="should be (less|greater) than or equal to|nothing would be kept"
            ):
                rule(name, {limit: value + beyond})


def test_every_limit_of_every_rule_is_tried_for_its_range():
    assert {(name, limit) for name, limit, *_ in LIMITS} == {
        (name, limit) for name, where in RULES.items() for limit in load(where).model_fields
    }


@pytest.mark.parametrize(
    ("name", "limits", "message"),
    [
        ("size", {"min_side": 64, "max_side": 63}, "max_side 63 is less than min_side 64: nothing would be kept"),
        ("num_frames", {"min_frames": 5, "max_frames": 4}, "max_frames 4 is less than min_frames 5: nothing"),
    ],
)
def test_limits_between_which_there_is_no_room_are_refused(name, limits, message):
    with pytest.raises(ValidationError, match=message):
        rule(name, limits)
    assert rule(name, dict.fromkeys(limits, 50)).checks()[1].limit == 50


def reason_for(mask, *, opaque=False):
    """What the default rule says of a figure in one colour, on transparency or on white."""
    frame = np.full((1, *mask.shape, 4), 255 if opaque else 0, np.uint8)
    frame[0, mask] = (30, 30, 30, 255)
    drop = rule("entropy", {}).verdict({"entropy": measure(frame).entropy})
    return drop and drop.reason


def disc(side, radius):
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.hypot(y, x) < radius


@pytest.mark.parametrize("opaque", [False, True])
def test_outlines_and_silhouettes_in_one_colour_stay(opaque):
    for figure in (disc(120, 50), disc(120, 50) & ~disc(120, 49), disc(240, 110) & ~disc(240, 108)):
        assert reason_for(figure, opaque=opaque) is None


def test_blanks_plain_blocks_and_specks_go():
    full, block, speck = np.ones((120, 120), bool), np.zeros((120, 120), bool), np.zeros((160, 160), bool)
    block[20:100, 30:70] = True
    speck[40:46, 60:66] = True
    for mask, opaque in ((full, False), (~full, False), (~full, True), (block, False), (speck, True), (speck, False)):
        assert reason_for(mask, opaque=opaque) == "entropy_too_low"


def test_every_rule_is_tried_at_an_edge():
    assert {name for name, *_ in EDGES} == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_reads_columns_of_the_contract_and_describes_its_limits(name):
    made = load(RULES[name])
    assert set(made.reads) <= set(contract())
    assert all(field.description for field in made.model_fields.values())
    assert load(RULES[name])().checks()


@pytest.mark.parametrize("name", RULES)
def test_a_value_that_was_never_measured_is_an_error_and_no_pass(name):
    made = rule(name, {})
    with pytest.raises(StageError, match=f"{made.reads[0]}.*put the stage that writes it before the filter"):
        made.verdict({"key": "0" * 32, **dict.fromkeys(made.reads)})


def test_no_text_at_all_passes_the_strictest_text_limit():
    assert rule("text_length", {"max_characters": 0}).verdict({"ocr_num_characters": 0}) is None


def test_a_still_picture_is_not_static_though_animated_but_two_equal_frames_are():
    verdict = rule("static_though_animated", {}).verdict
    assert verdict({"num_frames": 1, "num_distinct_frames": 1}) is None
    assert verdict({"num_frames": 2, "num_distinct_frames": 1}).reason == "static_though_animated"
