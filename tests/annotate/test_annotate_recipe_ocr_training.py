import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydantic import ValidationError
from typer.testing import CliRunner

from vsd2m.annotate.ocr.ocr_models import folder_digest, own_folder, recognition_folder
from vsd2m.annotate.ocr.ocr_stage import OcrConfig, OcrStage
from vsd2m.annotate.ocr_training.ocr_config import OcrTrainingConfig
from vsd2m.annotate.ocr_training.ocr_fit import fine_tune
from vsd2m.annotate.ocr_training.ocr_labels import LABELS, LabelledLine
from vsd2m.annotate.ocr_training.ocr_network import build_network, logits, train_mode
from vsd2m.annotate.ocr_training.ocr_pictures import prepare, stack
from vsd2m.annotate.ocr_training.ocr_reading import LineReader
from vsd2m.annotate.ocr_training.ocr_training import LEFT_OUT, REPORT, OcrTraining, character_table, train_ocr
from vsd2m.annotate.ocr_training.ocr_weights import Graph, load_weights, pair_layers, store_weights
from vsd2m.cli.main import app
from vsd2m.core.errors import ConfigError, EngineError, StorageError
from vsd2m.core.stage import Batch

paddle = pytest.importorskip("paddle")
pytest.importorskip("onnx")
pytestmark = pytest.mark.filterwarnings("ignore")  # paddle's own

_FONTS = Path(__file__).parents[2] / "samples" / "vsd2m_samples" / "fonts"
_TEXTS = ["Good night", "So tired", "早上好", "Wait for me"]


@pytest.fixture(scope="module")
def source() -> Path:
    return recognition_folder("pp_ocrv6").path


@pytest.fixture(scope="module")
def table(source: Path) -> list[str]:
    return character_table(source)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (2, 48, 344, 3), np.uint8)
    return stack([prepare(picture) for picture in (noise[0], noise[1, :, :200])])


def _write_lines(folder: Path, degrees: int) -> Path:
    folder.mkdir()
    for number, text in enumerate(_TEXTS):
        picture = Image.new("RGB", (170, 44), (40 * number, 90, 200))
        font = ImageFont.truetype(str(_FONTS / ("sticker-latin.ttf" if text.isascii() else "sticker-hanzi.ttf")), 26)
        ImageDraw.Draw(picture).text((8, 4), text, font=font, fill="white", stroke_width=2, stroke_fill="black")
        picture.rotate(4 * number + degrees, expand=True).save(folder / f"{number}.png")
    labels = [f"{number}.png\t{text}" for number, text in enumerate(_TEXTS)]
    (folder / LABELS).write_text("\n".join([*labels, "0.png\tꙮ", ""]), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write_lines(tmp_path_factory.mktemp("lines") / "train", -6)


@pytest.fixture(scope="module")
def other_lines(lines: Path) -> Path:
    return _write_lines(lines.parent / "test", -5)


@pytest.fixture(scope="module")
def train(lines: Path, other_lines: Path) -> Callable[..., OcrTraining]:
    def trained(out: Path, **values: object) -> OcrTraining:
        paths = {"lines": str(lines), "held_out": str(other_lines), "out": str(out)}
        return train_ocr(OcrTrainingConfig.model_validate({**paths, "batch_size": 4, "num_steps": 5, **values}))

    return trained


@pytest.fixture(scope="module")
def trained(train: Callable[..., OcrTraining], tmp_path_factory: pytest.TempPathFactory) -> OcrTraining:
    return train(tmp_path_factory.mktemp("trained") / "ocr")


def _loaded(source: Path, table: list[str]) -> tuple[object, Graph]:
    graph = Graph(source / "inference.onnx")
    network = build_network(len(table))
    load_weights(pair_layers(network, graph), graph)
    return network, graph


def _probabilities(network: object, pictures: np.ndarray) -> np.ndarray:
    with paddle.no_grad():
        return paddle.nn.functional.softmax(logits(network, paddle.to_tensor(pictures)), axis=2).numpy()


def _with_onnxruntime(model: Path, pictures: np.ndarray, table: list[str]) -> np.ndarray:
    reader = LineReader(model, table, num_threads=1)
    return np.stack([reader.probabilities(picture) for picture in pictures])


def test_the_class_with_the_graphs_weights_computes_what_onnxruntime_computes(source, table, pictures):
    network, _ = _loaded(source, table)
    train_mode(network)  # frozen BatchNorms: the same in training
    expected = _with_onnxruntime(source / "inference.onnx", pictures, table)
    assert expected.shape == (2, 43, len(table))
    assert np.abs(_probabilities(network, pictures) - expected).max() < 1e-3


def test_weights_that_were_changed_compute_the_same_in_the_graph_as_in_the_class(source, table, pictures, tmp_path):
    network, graph = _loaded(source, table)
    chance = np.random.default_rng(1)
    for parameter in (each for each in network.parameters() if not each.stop_gradient):
        noise = chance.normal(0, 0.01, parameter.shape).astype(np.float32)
        parameter.set_value(parameter.numpy() * (1 + noise) + noise * 0.01)
    network.eval()
    store_weights(pair_layers(network, graph), graph)
    (tmp_path / "changed.onnx").write_bytes(graph.to_bytes())
    stored = _with_onnxruntime(tmp_path / "changed.onnx", pictures, table)
    assert np.abs(_probabilities(network, pictures) - stored).max() < 1e-3
    assert np.abs(_with_onnxruntime(source / "inference.onnx", pictures, table) - stored).max() > 0.01


def test_weights_that_were_not_changed_give_the_file_back(source, table):
    network, graph = _loaded(source, table)
    before = graph.to_bytes()
    store_weights(pair_layers(network, graph), graph)
    after = graph.to_bytes()
    assert len(after) == len(before) and after == Graph(source / "inference.onnx").to_bytes()


def test_another_model_is_refused_in_one_line(table):
    with pytest.raises(EngineError, match="convolution layers expected in the OCR model"):
        pair_layers(build_network(len(table)), Graph(recognition_folder("pp_ocrv4").path / "inference.onnx"))


def test_pictures_are_prepared_as_paddleocr_prepares_them():
    from paddlex.inference.models.text_recognition.processors import OCRReisizeNormImg

    chance = np.random.default_rng(2)
    for height, width in ((48, 320), (20, 61), (31, 400), (100, 30), (33, 221), (17, 1)):
        picture = chance.integers(0, 256, (height, width, 3), np.uint8)
        (expected,) = OCRReisizeNormImg([3, 48, 320])([picture[..., ::-1]])
        np.testing.assert_allclose(prepare(picture), expected, atol=1e-6)


def test_a_few_steps_on_few_lines_lower_the_loss_and_no_line_is_lost(trained):
    assert len(trained.losses) == 5 and trained.losses[-1] < 0.5 * trained.losses[0]
    assert trained.comparison.accuracy_after.value >= trained.comparison.accuracy_before.value
    assert trained.num_trained_on == trained.num_held_out == 4
    assert trained.left_out == {"unknown_characters": 2} and trained.unknown_characters == {"ꙮ": 2}
    assert trained.num_trained_on + trained.num_held_out + sum(trained.left_out.values()) == trained.num_read == 10


def test_the_folder_says_what_was_done_and_which_lines_were_left_out(trained):
    report = json.loads((trained.folder / REPORT).read_text(encoding="utf-8"))
    assert report["config"]["seed"] == 0 and report["losses"] == list(trained.losses)
    assert "sha256:" in report["started_from"]["PP-OCRv6_small_rec"]
    rows = [json.loads(row) for row in (trained.folder / LEFT_OUT).read_text(encoding="utf-8").splitlines()]
    assert [(row["number"], row["reason"], row["value"]) for row in rows] == [(5, "unknown_characters", "ꙮ")] * 2


def test_the_ocr_stage_reads_with_the_exported_folder(trained, lines):
    stage = OcrStage(OcrConfig(recognition_folder=str(trained.folder)))
    stage.setup()
    (columns,) = stage.process(Batch([{}], [(lines / "1.png").read_bytes()]))
    assert columns["ocr_text"].lower().replace(" ", "") == "sotired"
    assert stage.model_versions()["recognition"].startswith("sha256:")


def test_the_same_lines_and_seed_give_the_same_folder_and_another_seed_another_one(train, tmp_path):
    made = [
        train(tmp_path / name, num_steps=2, batch_size=2, seed=seed).folder
        for name, seed in zip("abc", (3, 3, 4), strict=True)
    ]
    digests = [folder_digest(own_folder(str(folder))) for folder in made]
    assert digests[0] == digests[1] != digests[2]


def test_without_a_held_out_folder_a_text_is_trained_on_or_judged_by_but_not_both(train, tmp_path):
    done = train(tmp_path / "out", held_out=None, held_out_share=0.5, num_steps=1, batch_size=2)
    assert (done.num_trained_on, done.num_held_out, done.num_read) == (2, 2, 5)


def test_judging_by_the_lines_that_are_trained_on_is_refused(train, lines, tmp_path):
    with pytest.raises(ValidationError, match="held_out is the training folder"):
        train(tmp_path / "out", held_out=str(lines))


def test_texts_that_leave_none_to_train_on_are_refused(train, tmp_path):
    with pytest.raises(ConfigError, match="none left to train on"):
        train(tmp_path / "out", held_out=None, held_out_share=0.99)


def test_a_folder_that_holds_something_is_not_written_over(train, lines):
    with pytest.raises(StorageError, match="is not empty: give a new folder"):
        train(lines)


def test_a_loss_that_is_no_number_ends_the_training_in_one_line(source, table, lines):
    graph = Graph(source / "inference.onnx")
    bias = graph.layers[-1].names[-1]
    graph[bias] = np.full_like(graph[bias], np.nan)
    config = OcrTrainingConfig(lines=str(lines), out="out", batch_size=1)
    with pytest.raises(EngineError, match=r"the loss is nan at step 1: give a smaller learning_rate than"):
        fine_tune(graph, [LabelledLine(lines / "0.png", "Good night")], table, config)


def test_the_command_says_in_one_line_what_is_wrong(tmp_path):
    done = CliRunner().invoke(app, ["train-ocr", str(tmp_path), str(tmp_path / "out")])
    assert isinstance(done.exception, StorageError) and "no labels.txt" in str(done.exception)
    done = CliRunner().invoke(app, ["train-ocr", str(tmp_path), "out", "--set", "learning_rat=1"])
    assert isinstance(done.exception, ConfigError) and "learning_rate" in str(done.exception)


def test_the_command_prints_the_folder_last(lines, other_lines, tmp_path):
    arguments = ["train-ocr", str(lines), str(tmp_path / "out"), "--held-out", str(other_lines), "--num-steps", "1"]
    done = CliRunner().invoke(app, [*arguments, "--set", "batch_size=1"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == str(tmp_path / "out")
    assert "character error rate" in done.stdout and "2 of 10 lines left out: unknown_characters" in done.stderr
