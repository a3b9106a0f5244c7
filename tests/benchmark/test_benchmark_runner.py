import itertools
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmark_builders import square, write_outputs, write_shards

import vsd2m
from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics import METRICS, metric_class
from vsd2m.benchmark.observations import ObserverSpec
from vsd2m.benchmark.results import REAL, output_folders, read_lines, read_results
from vsd2m.benchmark.runner import run_benchmark
from vsd2m.benchmark.suite.clip_rule import ClipRule
from vsd2m.benchmark.suite.clips import JudgedClip, list_folder
from vsd2m.benchmark.suite.real_clips import data_revision, list_split
from vsd2m.benchmark.suite.real_set import real_set
from vsd2m.benchmark.tables.results_tables import as_csv, as_markdown
from vsd2m.core.errors import ConfigError, EngineError, StorageError

PLAIN = ("motion_amount", "flicker", "loop_closure")
LOGGED = ("logged_metrics:Brightness", "logged_metrics:CornerDistance", "logged_metrics:Longest", "motion_amount")
PROMPTS = [f"a sticker, number {number}" for number in range(6)]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_shards(tmp_path_factory.mktemp("shards"), num_stickers=10)


@pytest.fixture
def outputs(tmp_path):
    return write_outputs(tmp_path / "model", PROMPTS)


def config_of(shards, generated, **settings):
    return BenchmarkConfig(generated={name: str(path) for name, path in generated.items()}, shards=shards,
                           **{"size": 24, "metrics": PLAIN, **settings})  # fmt: skip


def test_real_and_generated_stickers_are_scored_and_read_back(shards, outputs, tmp_path, monkeypatch):
    prepare_log(tmp_path, monkeypatch)
    names = ("motion_amount", "flicker", "logged_metrics:CornerDistance", "fvd", "clip_retrieval")
    results = run_benchmark(config_of(shards, {"mine": outputs}, metrics=names), str(tmp_path / "out"))
    mine = {score.metric: score for score in results.scores["mine"]}
    assert set(mine) == {*names[:2], "corner_distance"} and mine["motion_amount"].num_clips == len(PROMPTS)
    real = {score.metric: score for score in results.scores[REAL]}
    assert real["motion_amount"].num_clips == 16  # 10 in each split, every fifth is still
    for distance in (mine["corner_distance"], real["corner_distance"]):
        assert distance.num_clips == distance.protocol["num_clips"] == distance.protocol["num_real"] == len(PROMPTS)
    assert {skipped.metric for skipped in results.skipped} == {"fvd", "clip_retrieval"}
    again = read_results(str(tmp_path / "out"))
    assert as_markdown(again) == as_markdown(results)
    assert as_csv(results).count("\n") == 1 + sum(map(len, results.scores.values()))


def test_a_row_holds_everything_needed_to_repeat_it(shards, outputs, tmp_path):
    (outputs / "cost.json").write_text('{"seconds_per_sample": 0.5, "device": "X", "num_samples": 6}')
    config = config_of(shards, {"mine": outputs}, seed=7)
    run_benchmark(config, str(tmp_path / "out"), command="vsd2m benchmark run vsd")
    lines = read_lines(str(tmp_path / "out"))
    line = next(line for line in lines if line.get("model") == "mine")
    assert line["versions"]["vsd2m"] == vsd2m.__version__ and line["versions"]["numpy"] == np.__version__
    assert line["config"] == json.loads(config.model_dump_json(exclude={"generated"}))
    assert line["command"] == "vsd2m benchmark run vsd" and line["data_revision"] == data_revision(
        shards, config.splits
    )
    assert line["origin"]["formats"] == {"gif": 6} and line["origin"]["outputs"] == str(outputs)
    assert line["protocol"] and line["protocol_digest"]
    assert [line["cost"]["seconds_per_sample"] for line in lines if "cost" in line] == [0.5]


def test_the_digest_of_a_folder_names_its_pictures_and_prompts(shards, outputs, tmp_path):
    def digest(name):
        run_benchmark(config_of(shards, {"mine": outputs}), str(tmp_path / name))
        return next(line["origin"] for line in read_lines(str(tmp_path / name)) if line["model"] == "mine")

    first, same = digest("1"), digest("2")
    (outputs / "000003.gif").write_bytes(square(99))
    assert first == same != digest("3")


def test_folders_below_the_results_move_with_them(shards, tmp_path):
    write_outputs(tmp_path / "out" / "generated" / "mine", PROMPTS)
    run_benchmark(config_of(shards, {"mine": tmp_path / "out" / "generated" / "mine"}), str(tmp_path / "out"))
    (tmp_path / "out").rename(tmp_path / "moved")
    assert len(list_folder(output_folders(str(tmp_path / "moved"))["mine"])) == len(PROMPTS)


def test_the_same_run_twice_gives_the_same_bytes_and_observes_nothing(shards, outputs, tmp_path, monkeypatch):
    config = config_of(shards, {"mine": outputs}, metrics=LOGGED)
    log = prepare_log(tmp_path, monkeypatch)
    calls = []
    for _ in range(2):
        run_benchmark(config, str(tmp_path / "out"), on_progress=lambda done, total: calls.append((done, total)))
        written = (tmp_path / "out" / "results.jsonl").read_bytes()
        seen = log.read_text().splitlines()
    assert len(seen) == len(set(seen) - {"compute corner_distance"}) + 2 == (16 + 6) + 3 * 6 + 2
    assert calls == [(done, 22) for done in range(1, 23)]
    run_benchmark(config, str(tmp_path / "fresh"))
    assert (tmp_path / "fresh" / "results.jsonl").read_bytes() == written


def test_only_what_changed_is_observed_again(shards, outputs, tmp_path, monkeypatch):
    log = prepare_log(tmp_path, monkeypatch)
    run_benchmark(config_of(shards, {"mine": outputs}, metrics=LOGGED[:1]), str(tmp_path / "out"))
    log.write_text("")
    run_benchmark(config_of(shards, {"mine": outputs}, metrics=LOGGED[:2]), str(tmp_path / "out"))
    assert {line.split()[0] for line in log.read_text().splitlines()} == {"corners", "compute"}
    log.write_text("")
    (outputs / "000003.gif").write_bytes(square(99))
    run_benchmark(config_of(shards, {"mine": outputs}, metrics=LOGGED[:2]), str(tmp_path / "out"))
    assert sorted(log.read_text().splitlines()) == ["brightness 000003.gif", "compute corner_distance",
                                                    "corners 000003.gif"]  # fmt: skip


def test_kept_observations_give_the_scores_of_a_metric_that_saw_the_clips(shards, outputs, tmp_path, monkeypatch):
    """Taken apart and fed again, against the plain interface of every metric that can run here."""
    prepare_log(tmp_path, monkeypatch)
    names = (*LOGGED, "palette_error", "transparency")
    results = run_benchmark(config_of(shards, {"mine": outputs}, metrics=names), str(tmp_path / "out"))
    stickers = list_split(shards, splits=("vsd_r", "vsd_c"), num_frames=8, size=24, max_clips=99)
    mine = list_folder(outputs, ClipRule(8, 24))
    real = real_set(stickers, {"mine": mine})
    for name, score in zip(names, results.scores["mine"], strict=True):
        metric = metric_class(name)(Weights())
        metric.setup()
        for clip in mine:
            metric.update(clip.load())
        for clip in real.references if metric.compares else ():
            metric.update_reference(clip.load())
        computed = metric.compute(seed=0)
        assert computed == replace(score, protocol=computed.protocol), name
        assert score.protocol.items() >= {**computed.protocol, "real_set": real.digest, "num_clips": 6}.items(), name


CHILD = """
import sys
from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.runner import run_benchmark
run_benchmark(BenchmarkConfig.model_validate_json(sys.argv[1]), sys.argv[2])
"""


def prepare_log(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setenv("LOGGED_METRICS", str(tmp_path / "log"))
    return tmp_path / "log"


def test_a_run_killed_in_the_middle_goes_on_and_ends_in_the_same_file(shards, outputs, tmp_path, monkeypatch):
    log = prepare_log(tmp_path, monkeypatch)
    config = config_of(shards, {"mine": outputs}, metrics=LOGGED[:3])
    run_benchmark(config, str(tmp_path / "whole"))
    log.write_text("")
    environment = {**os.environ, "LOGGED_METRICS_PAUSE": "0.03", "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", CHILD, config.model_dump_json(), str(tmp_path / "killed")]
    with subprocess.Popen(command, env=environment) as child:
        deadline = time.monotonic() + 120
        while len(log.read_text().splitlines()) < 15 and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    before = log.read_text().splitlines()
    observations = list((tmp_path / "killed" / "kept" / "observations").rglob("*.npz"))
    kept = len(observations)
    observations[0].with_name(f"{observations[0].name}.tmp-1").write_bytes(b"half")
    assert kept >= 6 and not (tmp_path / "killed" / "results.jsonl").exists()
    run_benchmark(config, str(tmp_path / "killed"))
    after = log.read_text().splitlines()[len(before) :]
    assert not list((tmp_path / "killed").rglob("*.tmp-*"))
    again = [line for line in after if line in before]
    assert len(again) <= 2  # of the clip that it was killed on, both metrics
    assert len(set(before) | set(after)) == (16 + 6) + 3 * 6 + 1
    assert (tmp_path / "killed" / "results.jsonl").read_bytes() == (tmp_path / "whole" / "results.jsonl").read_bytes()


def test_tasks_and_observers_travel_to_other_processes(shards, outputs, tmp_path, monkeypatch):
    prepare_log(tmp_path, monkeypatch)

    def elsewhere(spec):
        def observe(tasks):
            observer = pickle.loads(pickle.dumps(spec)).open()
            for task in pickle.loads(pickle.dumps(list(tasks)))[::-1]:
                yield task.clip.identity, observer.observe(task.clip.load(), task.identities)

        return observe

    config = config_of(shards, {"mine": outputs}, metrics=(*PLAIN, "logged_metrics:CornerDistance"))
    run_benchmark(config, str(tmp_path / "here"))
    run_benchmark(config, str(tmp_path / "there"), distribute=elsewhere)
    assert (tmp_path / "here" / "results.jsonl").read_bytes() == (tmp_path / "there" / "results.jsonl").read_bytes()


def test_a_number_that_is_not_finite_names_its_clip_and_what_was_observed_before_is_kept(
    shards, outputs, tmp_path, monkeypatch
):
    log = prepare_log(tmp_path, monkeypatch)
    monkeypatch.setenv("LOGGED_METRICS_NAN", "000003.gif")
    for metric in ("logged_metrics:CornerDistance", "logged_metrics:Brightness"):
        config = config_of(shards, {"mine": outputs}, metrics=(metric,))
        name = metric.replace("logged_metrics:", "").replace("Corner", "corner_").lower()
        with pytest.raises(EngineError, match=f"^{name} of 000003.gif is not a finite number"):
            run_benchmark(config, str(tmp_path / "out"))
    num_seen = len(log.read_text().splitlines())
    monkeypatch.delenv("LOGGED_METRICS_NAN")
    run_benchmark(config, str(tmp_path / "out"))
    again = log.read_text().splitlines()[num_seen:]
    assert again == [f"brightness 00000{number}.gif" for number in (3, 4, 5)]


@pytest.mark.parametrize("kind", ["Brightness", "CornerDistance"])
def test_a_metric_by_itself_refuses_what_is_not_finite_too(tmp_path, monkeypatch, kind):
    prepare_log(tmp_path, monkeypatch)
    monkeypatch.setenv("LOGGED_METRICS_NAN", "b")
    metric = metric_class(f"logged_metrics:{kind}")(Weights())
    metric.update(JudgedClip("a", np.zeros((2, 4, 4, 3), np.uint8), None))
    with pytest.raises(EngineError, match="of b is not a finite number"):
        metric.update(JudgedClip("b", np.zeros((2, 4, 4, 3), np.uint8), None))


def test_an_observer_loads_nothing_before_it_is_asked():
    assert ObserverSpec(tuple(METRICS), Weights({"fast_vqa": "nowhere"})).open()


def test_a_skipped_metric_is_named_with_the_weights_it_needs(shards, outputs, tmp_path):
    config = config_of(shards, {"m": outputs}, metrics=("motion_amount", "fvd"))
    table = as_markdown(run_benchmark(config, str(tmp_path / "out")))
    assert "- skipped: `fvd` needs weights `i3d_torchscript`" in table
    assert "| fvd" not in table


def test_numbers_with_different_protocols_are_refused_in_one_table(shards, outputs, tmp_path):
    run_benchmark(config_of(shards, {"m": outputs}, metrics=("motion_amount",)), str(tmp_path / "one"))
    lines = (tmp_path / "one" / "results.jsonl").read_text().splitlines()
    other = [{**json.loads(line), "model": "other", "protocol": {"frames": "first 4"}} for line in lines]
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in other))
    with pytest.raises(ConfigError, match="motion_amount of 'other' .* frames: 'first 4' here, .* in the column"):
        as_markdown(read_results(str(tmp_path / "one"), str(tmp_path / "two")))


def test_the_real_clips_are_those_of_the_loader(shards):
    theirs = list(
        itertools.chain.from_iterable(
            vsd2m.load(shards, split=split, num_frames=3, size=20, static="exclude", frames="time")
            for split in ("vsd_r", "vsd_c")
        )
    )
    ours = [clip.load() for clip in list_split(shards, splits=("vsd_r", "vsd_c"), num_frames=3, size=20, max_clips=99)]
    assert [clip.name for clip in ours] == [sample["key"] for sample in theirs]
    for clip, sample in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(clip.frames, sample["clip"].transpose(0, 2, 3, 1))
        assert clip.prompt == (sample["caption"] or sample["description"])


def test_the_most_real_clips_are_taken_from_the_front(shards):
    settings = {"splits": ("vsd_c",), "num_frames": 4, "size": 16}
    few = list_split(shards, max_clips=3, **settings)
    assert few == list_split(shards, max_clips=99, **settings)[:3] and {clip.domain for clip in few} == {"cartoon"}


def test_a_folder_is_read_whole_or_not_at_all(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.gif").write_bytes(square(number))
    assert [clip.name for clip in list_folder(tmp_path)] == ["0.gif", "1.gif", "2.gif"]
    (tmp_path / "broken.gif").write_bytes(b"GIF89a")
    with pytest.raises(StorageError, match=r"cannot evaluate .*broken.gif"):
        [clip.load() for clip in list_folder(tmp_path)]


def test_a_folder_without_animations_is_refused(tmp_path):
    with pytest.raises(StorageError, match="contains no animations"):
        list_folder(tmp_path)


def test_prompts_come_from_every_manifest_below_the_folder(tmp_path):
    write_outputs(tmp_path / "a", PROMPTS[:2])
    write_outputs(tmp_path / "b" / "c", PROMPTS[2:3], media_format="webp")
    (tmp_path / "b" / "unlisted.gif").write_bytes(square(1))
    assert [(clip.name, clip.prompt) for clip in list_folder(tmp_path)] == [
        ("a/000000.gif", PROMPTS[0]),
        ("a/000001.gif", PROMPTS[1]),
        ("b/c/000000.webp", PROMPTS[2]),
    ]


def test_a_prompt_whose_file_is_gone_is_an_error(outputs):
    (outputs / "000002.gif").unlink()
    with pytest.raises(StorageError, match=r"000002.gif is in manifest.jsonl, but does not exist \(1 of 6 files\)"):
        list_folder(outputs)


@pytest.mark.parametrize("line", ["[1]", '{"file": "x.gif"}', "no JSON", '{"file": 1, "prompt": "cat"}'])
def test_a_line_that_is_no_row_is_an_error(outputs, line):
    (outputs / "manifest.jsonl").write_text(line + "\n")
    with pytest.raises(ConfigError, match=r"manifest.jsonl, line 1: (every line needs|expected a JSON object)"):
        list_folder(outputs)
