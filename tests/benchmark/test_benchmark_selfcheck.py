import pickle
import shutil
import subprocess

import numpy as np
import pytest

from vsd2m.benchmark.extractors.base import Extractor
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.selfcheck import published_values as recipes
from vsd2m.benchmark.selfcheck.published_values import RECIPES, Needed, example_videos, git_blob, read_moments
from vsd2m.benchmark.selfcheck.run_selfcheck import selfcheck
from vsd2m.benchmark.selfcheck.stand_ins import moving_clip, write_clip, write_i3d_torchscript
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.errors import StorageError
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch


def test_without_weights_the_arithmetic_is_right_and_the_rest_says_what_is_missing():
    checks = list(selfcheck(None))
    assert [check.passed for check in checks] == [True] * 5 + [None] * len(RECIPES)
    assert "i3d_torchscript.pt (git blob 93daef59" in checks[5].missing
    assert all(check.missing for check in checks[5:])


def test_the_published_values_are_all_there():
    expected = {round(recipe.expected, 5) for recipe in RECIPES}
    assert expected == {10.13808, 151.25648, 3383.96456, 1064.61564, 0.44953, 0.42326, 24.426, 99.486, 91.395}


def test_the_hash_is_gits(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    (tmp_path / "x").write_bytes(b"weights\n" * 1000)
    printed = subprocess.run(["git", "hash-object", str(tmp_path / "x")], capture_output=True, check=True, text=True)
    assert git_blob(tmp_path / "x") == printed.stdout.strip()


def test_weights_are_known_by_their_content_and_a_wrong_number_is_noticed(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    path = tmp_path / "deep" / "under another name.bin"
    path.parent.mkdir()
    write_i3d_torchscript(path)
    (recipe,) = (recipe for recipe in RECIPES if "black" in recipe.name)
    assert recipe.run(tmp_path).computed is None
    known = (Needed("i3d_torchscript.pt", git_blob(path)),)
    check = recipes.Recipe(recipe.name, recipe.source, recipe.expected, recipe.tolerance, known, recipe.compute).run(
        tmp_path
    )
    assert check.computed > 0 and check.passed is False


def test_the_dummy_clips_are_those_of_their_seeds(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(recipes, "NUM_DUMMIES", (2, 3))
    first = recipes.dummy_clips(write_i3d_torchscript(tmp_path / "i3d.pt"))
    assert first == recipes.dummy_clips(tmp_path / "i3d.pt") > 0


class Colours(Extractor):
    """Mean colour of the first 16 frames."""

    num_features = 3

    def setup(self):
        pass

    def protocol(self):
        return {}

    def features(self, clip):
        assert clip.frames.shape == (16, 128, 128, 3)
        return clip.frames.mean(axis=(0, 1, 2)).astype(np.float32)


def test_the_example_of_cd_fvd_is_repeated_from_its_moments_and_its_videos(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    clips = {f"{seed}.mp4": moving_clip(seed, num_frames=20, height=140, width=200) for seed in range(4)}
    monkeypatch.setattr(recipes, "read_file", lambda path: clips[path.name])
    for name in clips:
        (tmp_path / name).touch()
    vectors = np.stack([Colours(Weights()).features(recipes._square(clip, 128)) for clip in clips.values()]).astype(
        np.float64
    )
    moments = {"raw_mean": vectors.sum(0), "raw_cov": vectors.T @ vectors, "num_items": len(vectors), "max_items": None}
    (tmp_path / "stats.pkl").write_bytes(pickle.dumps(moments))
    assert example_videos(Colours(Weights()), tmp_path / "stats.pkl", tmp_path) == pytest.approx(0, abs=1e-3)
    mean, covariance = read_moments(tmp_path / "stats.pkl")
    assert mean == pytest.approx(vectors.mean(0)) and covariance == pytest.approx(np.cov(vectors.T, ddof=0))


def test_a_pickle_of_anything_but_numbers_is_refused(tmp_path):
    (tmp_path / "stats.pkl").write_bytes(pickle.dumps({"raw_mean": subprocess.run}))
    with pytest.raises(StorageError, match="neither a number nor an array"):
        read_moments(tmp_path / "stats.pkl")


def test_clip_scores_of_texts_and_noise_are_a_hundred_cosines(tmp_path):
    pytest.importorskip("torch")
    allow_torchvision_beside_cpu_torch()
    pytest.importorskip("open_clip", reason="its list of tokens is needed")
    folder = tmp_path / "clip-vit-base-patch16"
    write_clip(folder)
    found = {recipe.name: recipe.run(tmp_path).computed for recipe in RECIPES if "CLIPScore" in recipe.name}
    assert len(found) == 3 and all(-100.01 < value < 100.01 for value in found.values())
    assert found["CLIPScore of two pictures of noise"] > 50


def test_videos_are_cut_to_the_middle_with_their_short_side_at_128():
    pytest.importorskip("torch")
    frames = np.zeros((20, 100, 300, 3), np.uint8)
    frames[:, :, 100:200] = 255
    square = recipes._square(JudgedClip("x", frames, None), 128).frames
    assert square.shape == (16, 128, 128, 3) and square.mean() > 254


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(StorageError, match="is not a folder"):
        list(selfcheck(tmp_path / "none"))


def test_one_video_is_too_few(tmp_path):
    (tmp_path / "a.gif").write_bytes(
        encode(Clip(np.zeros((2, 4, 4, 4), np.uint8), np.full(2, 50, np.int32), 0, "gif"), "gif")
    )
    with pytest.raises(StorageError, match="at least 2"):
        example_videos(Colours(Weights()), tmp_path / "stats.pkl", tmp_path)
