"""Fine-tunes the packaged PP-OCRv6 text recogniser on labelled pictures of lines: `train_ocr(config)`.

It writes a folder for the `ocr` stage's `recognition_folder`; both packaged detectors work with it.
"""

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import yaml

from vsd2m import __version__
from vsd2m.annotate.ocr.ocr_models import PACKAGED_OCR, recognition_folder
from vsd2m.annotate.ocr_training.ocr_config import OcrTrainingConfig
from vsd2m.annotate.ocr_training.ocr_fit import OnStep, fine_tune
from vsd2m.annotate.ocr_training.ocr_labels import UNKNOWN, LabelledLine, Lines, read_lines
from vsd2m.annotate.ocr_training.ocr_pictures import read_picture
from vsd2m.annotate.ocr_training.ocr_reading import LineReader
from vsd2m.annotate.ocr_training.ocr_scores import Comparison, compare, count_faults
from vsd2m.annotate.ocr_training.ocr_weights import Graph
from vsd2m.core.errors import ConfigError, StorageError

WEIGHTS = "pp_ocrv6"
REPORT = "training.json"
LEFT_OUT = "left_out.jsonl"
_NUM_RESAMPLES = 2000


@dataclass(frozen=True)
class OcrTraining:
    """The result of a training; num_trained_on + num_held_out + the counts of `left_out` = num_read.

    `left_out` counts lines by reason, `unknown_characters` the lines in which each occurs; `losses` has one per step.
    """

    folder: Path
    comparison: Comparison
    num_read: int
    num_trained_on: int
    num_held_out: int
    left_out: dict[str, int]
    unknown_characters: dict[str, int]
    losses: tuple[float, ...]


def train_ocr(config: OcrTrainingConfig, *, on_step: OnStep | None = None) -> OcrTraining:
    """Trains, evaluates the held-out lines before and after, and writes the folder atomically.

    `on_step(step, num_steps, loss)` is called after every step. Raises `StorageError` for missing labels or an
    `out` that is not new, `ConfigError` if no line can be used, `EngineError` if the loss is no longer a number.
    """
    out = Path(config.out).expanduser()
    _check_new(out)
    source = recognition_folder(WEIGHTS).path
    table = character_table(source)
    line_sets = {name: _read(name, table, config) for name in (config.lines, config.held_out) if name is not None}
    train, held_out = _divided(list(line_sets.values()), config)
    graph = Graph(source / "inference.onnx")
    losses = fine_tune(graph, train, table, config, on_step=on_step)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as temporary:
        unfinished = Path(temporary) / "recogniser"
        _export(unfinished, graph, source)
        left_out = [line for lines in line_sets.values() for line in lines.left_out]
        result = OcrTraining(
            folder=out,
            comparison=_judge(source, unfinished, held_out, table, config),
            num_read=sum(lines.num_read for lines in line_sets.values()),
            num_trained_on=len(train),
            num_held_out=len(held_out),
            left_out=_counts(line.reason for line in left_out),
            unknown_characters=_counts("".join(str(line.value) for line in left_out if line.reason == UNKNOWN)),
            losses=tuple(losses),
        )
        _write_report(unfinished, config, result, line_sets)
        _move(unfinished, out)
    return result


def character_table(folder: Path) -> list[str]:
    """The characters of the recogniser's outputs: the blank, those of its `inference.yml`, the space."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 18,708 characters: the pure Python loader takes seconds
    config = yaml.load((folder / "inference.yml").read_text(encoding="utf-8"), loader)
    return ["", *config["PostProcess"]["character_dict"], " "]


def _read(folder: str, table: Sequence[str], config: OcrTrainingConfig) -> Lines:
    return read_lines(Path(folder), characters=table[1:], max_width=config.max_width)


def _divided(
    line_sets: Sequence[Lines], config: OcrTrainingConfig
) -> tuple[Sequence[LabelledLine], Sequence[LabelledLine]]:
    """Training and held-out lines: two folders, or a share of the texts; all lines of a text are on one side."""
    if len(line_sets) == 2:
        return line_sets[0].used, line_sets[1].used
    lines = line_sets[0].used
    texts = sorted({line.text for line in lines})
    count = max(1, round(config.held_out_share * len(texts)))
    if count >= len(texts):
        raise ConfigError(
            f"{config.lines}: {count} of {len(texts)} different texts would be held out and none left to train on; "
            "give more lines, a smaller held_out_share, or a folder to hold out"
        )
    indices = np.random.default_rng([config.seed, 1]).choice(len(texts), count, replace=False)
    held_out_texts = {texts[index] for index in indices}
    training = [line for line in lines if line.text not in held_out_texts]
    return training, [line for line in lines if line.text in held_out_texts]


def _check_new(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StorageError(f"{out} is not empty: give a new folder for the trained recogniser")


def _export(folder: Path, graph: Graph, source: Path) -> None:
    folder.mkdir()
    (folder / "inference.onnx").write_bytes(graph.to_bytes())
    shutil.copyfile(source / "inference.yml", folder / "inference.yml")


def _judge(
    before: Path, after: Path, lines: Sequence[LabelledLine], table: Sequence[str], config: OcrTrainingConfig
) -> Comparison:
    truths = [line.text for line in lines]
    faults = []
    for folder in (before, after):
        reader = LineReader(folder / "inference.onnx", table, num_threads=config.num_threads)
        faults.append(count_faults(truths, reader.read(read_picture(line.picture) for line in lines)))
    return compare(faults[0], faults[1], num_resamples=_NUM_RESAMPLES, seed=config.seed)


def _write_report(folder: Path, config: OcrTrainingConfig, result: OcrTraining, line_sets: dict[str, Lines]) -> None:
    """Writes the facts about the training, and every line that was left out with the reason."""
    recogniser = PACKAGED_OCR[WEIGHTS].recognition.model_name
    report = {
        "vsd2m": __version__,
        "started_from": {recogniser: PACKAGED_OCR[WEIGHTS].versions()[recogniser]},
        "config": config.model_dump(mode="json", exclude={"out"}),  # the report is independent of the output folder
        **{name: value for name, value in asdict(result).items() if name != "folder"},
    }
    (folder / REPORT).write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    rows = [{"folder": name, **asdict(line)} for name, lines in line_sets.items() for line in lines.left_out]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / LEFT_OUT).write_text(text, encoding="utf-8")


def _counts(things: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(things).items()))


def _move(unfinished: Path, out: Path) -> None:
    if out.exists():
        out.rmdir()  # empty, as `_check_new` has checked
    os.rename(unfinished, out)
