"""Real and generated clips are cut alike and compared at equal counts, so that a copy of reality scores as reality."""

import json

import numpy as np
import pytest
from benchmark_builders import write_frames, write_outputs, write_shards

from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics.clip_similarity import ClipSimilarity
from vsd2m.benchmark.results import REAL, read_results
from vsd2m.benchmark.runner import run_benchmark
from vsd2m.benchmark.suite.clip_rule import ClipRule
from vsd2m.benchmark.suite.clips import list_folder
from vsd2m.benchmark.suite.real_clips import list_split
from vsd2m.benchmark.suite.real_set import RealSet, real_set
from vsd2m.benchmark.tables.results_tables import as_markdown
from vsd2m.core.errors import ConfigError

SPLITS = ("vsd_r", "vsd_c")
METRICS = (
    "frozen_share",
    "flicker",
    "loop_closure",
    "motion_amount",
    "frame_blur",
    "frame_noise",
    "palette_error",
    "transparency",
    "pixel_metrics:Frechet",
    "pixel_metrics:Mmd",
)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_shards(tmp_path_factory.mktemp("shards"), num_stickers=15)


@pytest.fixture(autouse=True)
def with_pixel_metrics(monkeypatch):
    monkeypatch.syspath_prepend(__file__.rpartition("/")[0])


def stickers_of(shards, rule=None):
    rule = rule or ClipRule(8, 32)
    return list_split(shards, splits=SPLITS, num_frames=rule.num_frames, size=rule.size, max_clips=99)


def copied(shards, folder, *, with_prompts=True, order=None):
    """The real stickers' own files, as a model's."""
    folder.mkdir()
    stickers = stickers_of(shards)
    rows = []
    for number, place in enumerate(range(len(stickers)) if order is None else order):
        (folder / f"{number:03d}.gif").write_bytes(stickers[place].media())
        rows.append({"file": f"{number:03d}.gif", "prompt": stickers[place].prompt})
    if with_prompts:
        (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def run(shards, out, models, **settings):
    config = BenchmarkConfig(shards=shards, generated={name: str(folder) for name, folder in models.items()},
                             **{"size": 32, "metrics": METRICS, **settings})  # fmt: skip
    return run_benchmark(config, str(out))


def test_a_perfect_copy_of_the_real_set_scores_exactly_as_the_real_set(shards, tmp_path):
    """By every metric, in any order, with and without the prompts; both sides are other files at other places."""
    order = np.random.default_rng(0).permutation(24)
    models = {
        "copy": copied(shards, tmp_path / "copy"),
        "in another order": copied(shards, tmp_path / "order", order=order),
        "without prompts": copied(shards, tmp_path / "bare", with_prompts=False, order=order),
    }
    scores = run(shards, tmp_path / "out", models).scores
    for model in models:
        assert scores[model] == scores[REAL]
    assert [score.num_clips for score in scores[REAL]] == [24] * 8 + [12] * 2


def test_every_clip_is_cut_by_one_rule_whichever_side_it_is_on(shards, tmp_path):
    copies = {clip.key: clip for clip in list_folder(copied(shards, tmp_path / "copy"), ClipRule(5, 40))}
    for sticker in stickers_of(shards, ClipRule(5, 40)):
        theirs, ours = sticker.load(), copies[sticker.key].load()
        assert theirs.frames.shape == (5, 40, 40, 3) and theirs.alpha.shape == (5, 40, 40)
        np.testing.assert_array_equal(theirs.frames, ours.frames)
        np.testing.assert_array_equal(theirs.alpha, ours.alpha)


def test_frames_count_as_long_as_they_are_shown(tmp_path):
    frames = np.stack([np.full((20, 20, 3), level, np.uint8) for level in (0, 100, 200)])
    write_frames(tmp_path / "a.png", frames, [100, 700, 200])
    write_frames(tmp_path / "b.png", frames[[0, *[1] * 7, 2, 2]])
    one, other = (clip.load() for clip in list_folder(tmp_path, ClipRule(10, 20)))
    assert one.frames[:, 0, 0, 0].tolist() == [0, *[100] * 7, 200, 200]
    np.testing.assert_array_equal(one.frames, other.frames)


def test_transparent_grounds_are_white_and_squashed_like_their_pictures(tmp_path):
    frames = np.zeros((2, 40, 80, 4), np.uint8)
    frames[:, :, 40:] = (10, 20, 30, 255)
    write_frames(tmp_path / "a.png", frames)
    (clip,) = (found.load() for found in list_folder(tmp_path, ClipRule(4, 20)))
    assert (clip.frames[:, :, :9] == 255).all() and (clip.frames[:, :, 12:] == (10, 20, 30)).all()
    assert (clip.alpha[:, :, :9] == 0).all() and (clip.alpha[:, :, 12:] == 255).all()


def test_the_protocol_names_the_rule_the_real_set_and_the_counts(shards, tmp_path):
    outputs = write_outputs(tmp_path / "model", [f"a thing, {number}" for number in range(5)])
    scores = run(shards, tmp_path / "out", {"m": outputs}, metrics=("flicker", "pixel_metrics:Mmd")).scores
    flicker, distance = scores["m"]
    assert "8 moments" in flicker.protocol["clips"] and "32 x 32, on white" in flicker.protocol["clips"]
    assert flicker.protocol["num_clips"] == distance.protocol["num_clips"] == distance.protocol["num_real"] == 5
    assert flicker.protocol["real_set"] == real_set(stickers_of(shards), {}).digest
    assert scores[REAL][1].num_clips == scores[REAL][1].protocol["num_real"] == 5


def refused(tmp_path, fact):
    with pytest.raises(ConfigError, match=rf"measured with another protocol: .*{fact}: "):
        as_markdown(read_results(str(tmp_path / "one"), str(tmp_path / "two")))


def test_runs_over_different_real_stickers_have_no_table_in_common(shards, tmp_path):
    outputs = write_outputs(tmp_path / "model", ["a", "b"])
    for name, max_real in (("one", 20), ("two", 7)):
        run(shards, tmp_path / name, {f"model of {name}": outputs}, metrics=("flicker",), max_real=max_real)
    refused(tmp_path, "real_set")


def test_distances_of_different_numbers_of_clips_have_no_table_in_common_and_means_do(shards, tmp_path):
    few = write_outputs(tmp_path / "few", ["a", "b", "c"])
    many = write_outputs(tmp_path / "many", [f"{number}" for number in range(9)])
    for name, outputs in (("one", few), ("two", many)):
        run(shards, tmp_path / name, {f"model of {name}": outputs}, metrics=("pixel_metrics:Mmd",))
    refused(tmp_path, "num_clips")
    for name, outputs in (("one", few), ("two", many)):
        run(shards, tmp_path / name, {f"model of {name}": outputs}, metrics=("flicker",))
    table = as_markdown(read_results(str(tmp_path / "one"), str(tmp_path / "two")))
    assert "(n=3)" in table and "(n=9)" in table


def test_models_of_different_size_in_one_run_are_compared_at_the_smallest_count(shards, tmp_path):
    few = write_outputs(tmp_path / "few", ["a", "b", "c"])
    many = write_outputs(tmp_path / "many", [f"{number}" for number in range(9)])
    scores = run(shards, tmp_path / "out", {"few": few, "many": many}, metrics=("pixel_metrics:Mmd",)).scores
    assert {name: found[0].num_clips for name, found in scores.items()} == {REAL: 3, "few": 3, "many": 3}


def test_no_clip_is_compared_with_the_sticker_whose_prompt_it_draws(shards, tmp_path):
    stickers = stickers_of(shards)
    outputs = list_folder(write_outputs(tmp_path / "model", [sticker.prompt for sticker in stickers]))
    real = RealSet(stickers, 12)
    assert [clip.prompt for clip in real.compared_clips(outputs)] == [sticker.prompt for sticker in real.yardstick]
    assert not {clip.key for clip in real.yardstick} & {clip.key for clip in real.references}
    others = list_folder(write_outputs(tmp_path / "other", ["x", *(sticker.prompt for sticker in real.references)]))
    assert RealSet(stickers, 2).compared_clips(others)[0].prompt == "x"
    assert len(RealSet(stickers, 5).compared_clips(others)) == 5


def test_where_a_clip_model_lies_is_not_how_it_measures(tmp_path):
    protocols = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(b"weights")
        protocols.append(ClipSimilarity(Weights({"clip": str(tmp_path / name)})).protocol())
    assert protocols[0] == protocols[1] and str(tmp_path) not in str(protocols)
    (tmp_path / "there" / "preprocessor_config.json").write_text("{}")
    assert ClipSimilarity(Weights({"clip": str(tmp_path / "there")})).protocol() != protocols[0]
