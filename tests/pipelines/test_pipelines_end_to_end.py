"""Every stage real, on drawn stickers whose truth is known."""

import shutil

import pytest

from vsd2m.pipelines.cluster.ray_runner import run_ray
from vsd2m.pipelines.demo.right_answers import character_error_rate, count_right_answers, outcomes_by_file, read_truth
from vsd2m.pipelines.engine.plan import make_plan
from vsd2m.pipelines.lineage import why
from vsd2m.pipelines.status import damaged_files, manifest, status


@pytest.fixture(scope="module")
def truth(finished):
    return read_truth(str(finished.stickers))


def test_every_planted_sticker_falls_for_its_reason_and_every_good_one_stays(sticker_run, truth):
    wrong = {
        answer.question: answer.mistakes
        for answer in count_right_answers(sticker_run, truth)
        if answer.num_right < answer.num_asked
    }
    assert wrong == {}


def test_the_answers_ask_about_every_kind_of_planted_sticker(sticker_run, truth):
    questions = " ".join(answer.question for answer in count_right_answers(sticker_run, truth))
    for kind in {entry["planted"] for entry in truth} - {None}:
        assert kind.replace("_", " ") in questions, kind


def test_the_answers_notice_a_wrong_verdict(sticker_run, truth):
    """The check is worth something only if it can fail."""
    turned = [
        {**entry, "domain": {"real": "cartoon", "cartoon": "real"}.get(entry["domain"]), "expected_reason": "another"}
        for entry in truth
    ]
    for answer in count_right_answers(sticker_run, turned):
        if answer.question.startswith("domain") or (":" in answer.question and "another" in answer.question):
            assert answer.num_right == 0, answer.question


def test_drawn_text_is_read(sticker_run, truth):
    error_rate, num_stickers = character_error_rate(sticker_run, truth)
    assert num_stickers >= 10 and error_rate < 0.15


def test_nothing_is_lost_in_any_stage(sticker_run, truth):
    for row in status(sticker_run):
        assert row.num_kept + row.num_dropped + row.num_failed == row.num_read, row.stage
        assert row.num_failed == 0, row.stage
    found = outcomes_by_file(sticker_run)
    assert {entry["file"] for entry in truth} == set(found)


def test_the_committed_files_are_whole(sticker_run):
    assert damaged_files(sticker_run) == []


def test_both_runners_give_the_same_bytes(finished, tmp_path):
    """From the same crawl on; the site is gone by now, which a resumed run does not even notice."""
    shutil.copytree(finished.folder / "run" / "crawl", tmp_path / "ray" / "crawl")
    ray = run_ray(make_plan(finished.config(tmp_path / "ray")), num_cpus=2)
    assert manifest(ray) == manifest(finished.run)


def test_why_follows_a_sticker_from_its_page_to_its_shard(sticker_run):
    key = sticker_run.frame(["width"])["key"][0]
    events = [event for event in why(sticker_run, key) if event.stage != "crawl"]
    assert [event.stage for event in events if event.outcome == "kept"] == [
        entry.name for entry in sticker_run.layout if entry.name not in ("crawl", "stats")
    ]
    others = {(event.stage, event.facts["reason"]) for event in events if event.outcome != "kept"}
    assert others <= {("catalog", "exact_duplicate"), ("catalog", "found_again")}


def test_captions_are_written_by_the_model_they_name(sticker_run):
    frame = sticker_run.frame(["caption", "caption_source", "caption_zh", "caption_zh_source", "description_source"])
    assert set(frame["description_source"]) == {"measured"}
    assert frame["caption"].str.len_chars().min() > 0
    for row in frame.iter_rows(named=True):
        assert row["caption_source"]
        assert (row["caption_zh"] is None) == (
            row["caption_zh_source"] is None or row["caption_zh_source"].startswith("absent: ")
        )
