"""Benchmark runs from checkpoints and folders: drawn, judged, killed, spread over workers."""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from vsd2m.benchmark.results import read_lines, read_results
from vsd2m.cli.main import app
from vsd2m.core.errors import ConfigError, StageError
from vsd2m.generation.config import TrainConfig
from vsd2m.generation.data import ClipSource, TrainingClip
from vsd2m.pipelines.cluster.ray_cluster import Cluster
from vsd2m.pipelines.cluster.ray_tasks import spread
from vsd2m.pipelines.engine.config import nested
from vsd2m.pipelines.suite.benchmarking import SuiteConfig, command_of, run_suite
from vsd2m.pipelines.suite.generating import plan_parts
from vsd2m.pipelines.suite.model_sources import model_sources

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmark"))
from benchmark_builders import write_outputs, write_shards

PLAIN = ("motion_amount", "flicker")
NUM_REAL = 4


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_shards(tmp_path_factory.mktemp("shards"), num_stickers=5)


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    """A training run of two checkpoints, of a network that knows nothing."""
    pytest.importorskip("diffusers")
    from vsd2m.generation.trainer import train

    out = tmp_path_factory.mktemp("training")
    frames = np.random.default_rng(0).integers(0, 255, (4, 4, 3, 8, 8), np.uint8)
    clips = [TrainingClip(f"{n:032x}", f"cartoon\ta square, {n}", frames[n], np.ones(4, bool)) for n in range(4)]
    model = {
        "block_out_channels": (16, 32),
        "attention_head_dim": 8,
        "temporal_layer": {"layer": "sti", "num_heads": 2, "head_dim": 8},
    }
    values = {
        "preset": "tiny",
        "out": str(out),
        "model": model,
        "text": {"hidden_size": 16, "num_heads": 2, "max_length": 8, "vocab_size": 300},
        "data": {"shards": "unused", "num_frames": 4, "size": 8},
        "batch_size": 2,
        "num_steps": 2,
        "save_every": 1,
        "keep_last_n": 5,
        "num_threads": 1,
    }
    train(TrainConfig.model_validate(values), clips=ClipSource("four", lambda: iter(clips)))
    return out


def suite(shards, models, **values):
    return SuiteConfig.model_validate(
        {
            "models": {name: str(folder) for name, folder in models.items()},
            "shards": shards,
            "splits": ("vsd_c",),
            "size": 16,
            "metrics": PLAIN,
            "sampling": {"num_inference_steps": 2, "guidance_scale": 1},
            **values,
        }
    )


def test_every_checkpoint_of_a_training_is_drawn_from_and_judged(shards, training, tmp_path):
    config = suite(shards, {"tiny": training}, checkpoints="all")
    calls = []
    results = run_suite(config, str(tmp_path), on_drawn=lambda done, total: calls.append((done, total)))
    assert list(results.scores) == ["real stickers", "tiny step 1", "tiny step 2"]
    assert calls == [(number, 2 * NUM_REAL) for number in range(1, 2 * NUM_REAL + 1)]
    origins = read_results(str(tmp_path)).origins
    assert [(origins[name].series, origins[name].step) for name in list(results.scores)[1:]] == [
        ("tiny", 1),
        ("tiny", 2),
    ]
    assert len({origin.weights_digest for origin in origins.values()}) == 2
    assert origins["tiny step 1"].formats == {"png": NUM_REAL} and origins["tiny step 1"].outputs.startswith(
        "generated/"
    )
    rows = [
        json.loads(line)
        for line in (tmp_path / "generated" / "tiny_step_1" / "manifest.jsonl").read_text().splitlines()
    ]
    assert [row["seed"] for row in rows] == list(range(NUM_REAL)) and rows[0]["text"].startswith("cartoon\t")
    written = (tmp_path / "results.jsonl").read_bytes()
    run_suite(config, str(tmp_path), on_drawn=lambda *_: pytest.fail("drawn again"))
    assert (tmp_path / "results.jsonl").read_bytes() == written


def test_fewer_prompts_than_before_are_judged_without_the_others(shards, training, tmp_path):
    run_suite(suite(shards, {"tiny": training}), str(tmp_path))
    results = run_suite(suite(shards, {"tiny": training}, max_real=2), str(tmp_path))
    assert [score.num_clips for score in results.scores["tiny"]] == [2, 2]


def test_workers_on_a_cluster_write_the_same_results(shards, training, tmp_path):
    ray_library = pytest.importorskip("ray")
    outputs = write_outputs(tmp_path / "theirs", [f"a square, {number}" for number in range(20)])
    config = suite(shards, {"tiny": training, "theirs": outputs})

    def careful_square(number):  # travels by value: workers do not know this module
        import os

        from vsd2m.core.errors import ConfigError

        if number == 6:
            raise ConfigError("6 is even")
        return os._exit(1) if number == 7 else number * number

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own start-up
        ray_library.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        run_suite(config, str(tmp_path / "ray"), runner="ray")
        assert sorted(spread(Cluster(), lambda: careful_square, range(5), wants_gpu=True)) == [0, 1, 4, 9, 16]
        with pytest.raises(ConfigError, match="6 is even"):
            list(spread(Cluster(), lambda: careful_square, [6], wants_gpu=False))
        with pytest.raises(StageError, match="3 workers died, one after the other, on 7"):
            list(spread(Cluster(), lambda: careful_square, [7], wants_gpu=False))
    finally:
        ray_library.shutdown()
    run_suite(config, str(tmp_path / "local"))
    ray, local = (read_lines(str(tmp_path / runner)) for runner in ("ray", "local"))
    assert [line for line in ray if "cost" not in line] == [line for line in local if "cost" not in line]
    costs = [line["cost"] for lines in (ray, local) for line in lines if "cost" in line]
    assert [cost["num_samples"] for cost in costs] == [NUM_REAL] * 2  # the seconds are measured, and differ
    assert pictures(tmp_path / "ray") == pictures(tmp_path / "local")


def pictures(folder):
    return {path.relative_to(folder): path.read_bytes() for path in (folder / "generated").rglob("*.png")}


def test_a_sticker_is_drawn_from_the_same_seed_in_whatever_part_it_is(monkeypatch, tmp_path, shards):
    from vsd2m.benchmark.suite.real_clips import list_split

    monkeypatch.setattr("vsd2m.pipelines.suite.generating.PROMPTS_PER_PART", 3)
    config = suite(shards, {"m": tmp_path}, sampling={"seed": 10})
    (tmp_path / "model_index.json").touch()
    (source,) = model_sources("m", str(tmp_path), "newest")
    real = list_split(shards, splits=("vsd_r", "vsd_c"), num_frames=8, size=16, max_clips=99)
    parts = plan_parts(source, real, tmp_path, config.sampling)
    assert [(Path(part.folder).parent.name, part.config.seed, len(part.prompts)) for part in parts] == [
        ("vsd_r", 10, 3), ("vsd_r", 13, 1), ("vsd_c", 10, 3), ("vsd_c", 13, 1)]  # fmt: skip
    assert [part.config.domain for part in parts] == ["real", "real", "cartoon", "cartoon"]
    assert [prompt for part in parts for prompt in part.prompts] == [clip.prompt for clip in real]


def test_the_command_in_the_results_repeats_the_run(shards, tmp_path, capsys):
    outputs = write_outputs(tmp_path / "the model", ["a red square", "a blue square"])
    words = ["benchmark", "run", "vsd-c", "--models", f"it's mine={outputs}", "--shards", shards, "--out",
             str(tmp_path / "out"), "--set", "metrics=[motion_amount, flicker]", "--set", "size=16",
             "--set", "sampling.negative_prompt='a, b: c'"]  # fmt: skip
    app(words, standalone_mode=False)
    first = capsys.readouterr().out
    line = read_lines(str(tmp_path / "out"))[0]
    import shlex

    app(shlex.split(line["command"])[1:], standalone_mode=False)
    assert capsys.readouterr().out == first and "| it's mine |" in first
    assert read_lines(str(tmp_path / "out"))[0] == line


def test_sampling_is_lossless_unless_it_says_otherwise():
    values = {"models": {"a": "b"}, "shards": "s"}
    assert SuiteConfig.model_validate(values).sampling.media_format == "apng"
    more = SuiteConfig.model_validate({**values, **nested({"sampling.guidance_scale": 2})})
    assert (more.sampling.media_format, more.sampling.guidance_scale) == ("apng", 2)
    assert SuiteConfig.model_validate({**values, "sampling": {"media_format": "gif"}}).sampling.media_format == "gif"
    assert "sampling.media_format=gif" in command_of(
        "vsd", SuiteConfig.model_validate({**values, "sampling": {"media_format": "gif"}}), "out"
    )


def test_mistakes_are_named_in_one_line(shards, tmp_path):
    with pytest.raises(ConfigError, match="model m: there is no folder .*nowhere"):
        run_suite(suite(shards, {"m": tmp_path / "nowhere"}), str(tmp_path / "out"))
    with pytest.raises(ConfigError, match="unknown runner 'dask'; known: local, ray"):
        run_suite(suite(shards, {"m": tmp_path}), str(tmp_path / "out"), runner="dask")
    outputs = write_outputs(tmp_path / "theirs", ["a"])
    with pytest.raises(ConfigError, match="more than one model 'real stickers'"):
        run_suite(suite(shards, {"real stickers": outputs}), str(tmp_path / "out"))
    with pytest.raises(ConfigError, match="unknown suite 'vsd-x' .did you mean 'vsd-r'.+; known: vsd-r, vsd-c, vsd"):
        app(["benchmark", "run", "vsd-x", "--models", "a=b", "--shards", shards], standalone_mode=False)


def test_prompts_are_printed_for_models_of_others(shards, capsys):
    app(["benchmark", "prompts", "vsd", "--shards", shards], standalone_mode=False)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 2 * NUM_REAL and set(rows[0]) == {"prompt", "domain", "key"}
