"""Compares fine-tuned text recognisers with the packaged one they started from.

    measurements/studies/fetch_line_fonts.sh FONTS
    python measurements/studies/draw_lines.py FONTS LINES
    vsd2m train-ocr LINES/train MODELS/0 --held-out LINES/familiar --seed 0      # and MODELS/1, MODELS/2
    python measurements/studies/ocr_finetuning.py lines LINES MODELS/0 MODELS/1 MODELS/2
    python measurements/studies/ocr_finetuning.py stickers FOLDER MODELS/0 MODELS/1 MODELS/2

`lines`: each line read by itself. `stickers`: the whole ocr stage over a folder with index.csv, letters and digits
compared, ignoring case. Prints Markdown rows; differences are after - before on the same lines or stickers, averaged over
the models, with 95 % bootstrap intervals over lines or stickers. With `--share 0.5` each model is replaced by the mean
of its weights and the packaged ones (arXiv 2109.01903).
"""

import argparse
import csv
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np

from vsd2m.annotate.ocr.ocr_models import recognition_folder
from vsd2m.annotate.ocr.ocr_stage import OcrConfig, OcrStage
from vsd2m.annotate.ocr_training.ocr_labels import read_lines
from vsd2m.annotate.ocr_training.ocr_pictures import read_picture
from vsd2m.annotate.ocr_training.ocr_reading import LineReader
from vsd2m.annotate.ocr_training.ocr_scores import Estimate, Readings, compare, count_faults
from vsd2m.annotate.ocr_training.ocr_training import character_table
from vsd2m.annotate.ocr_training.ocr_weights import Graph
from vsd2m.core.stage import Batch

FOLDERS = ("familiar", "new_font", "new_background", "new_both")
NUM_RESAMPLES = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("lines", "stickers"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--share", type=float, default=1.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        models = [blended(m, arguments.share, Path(temporary) / str(i)) for i, m in enumerate(arguments.models)]
        (lines if arguments.what == "lines" else stickers)(arguments.folder, models)


def blended(model: Path, share: float, out: Path) -> Path:
    """`share` of the model's weights, the rest of the packaged ones."""
    shutil.copytree(model, out)
    if share != 1:
        before, after = (Graph(folder / "inference.onnx") for folder in (recognition_folder("pp_ocrv6").path, model))
        for name in {name for layer in after.layers for name in layer.names}:
            after[name] = share * after[name] + (1 - share) * before[name]
        (out / "inference.onnx").write_bytes(after.to_bytes())
    return out


def lines(folder: Path, models: list[Path]) -> None:
    packaged = recognition_folder("pp_ocrv6").path
    table = character_table(packaged)
    for name in FOLDERS:
        used_lines = read_lines(folder / name, characters=table[1:], max_width=3200).used
        readings = [
            count_faults(
                [line.text for line in used_lines],
                LineReader(model / "inference.onnx", table, num_threads=1).read(
                    read_picture(x.picture) for x in used_lines
                ),
            )
            for model in (packaged, *models)
        ]
        report(name, readings[0], readings[1:])


def stickers(folder: Path, models: list[Path]) -> None:
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["text_label"] == "exact"]
    settings = [{"weights": "pp_ocrv4"}, {"weights": "pp_ocrv6"}]
    settings += [{"weights": "pp_ocrv6", "recognition_folder": str(model)} for model in models]
    readings = []
    for setting in settings:
        texts = ocr_texts(folder, rows, OcrConfig(**setting))
        truths = [letters(row["text"]) for row in rows if row["text"]]
        readings.append(count_faults(truths, [letters(t) for t, row in zip(texts, rows, strict=True) if row["text"]]))
        spurious = sum(bool(letters(t)) for t, row in zip(texts, rows, strict=True) if not row["text"])
        print(setting, f"text read on {spurious} of {sum(not row['text'] for row in rows)} without text", flush=True)
    report("PP-OCRv4 -> PP-OCRv6", readings[0], readings[1:2])
    report("PP-OCRv6 -> fine-tuned", readings[1], readings[2:])


def ocr_texts(folder: Path, rows: list[dict], config: OcrConfig) -> list[str]:
    stage = OcrStage(config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stage.setup()
        return [stage.process(Batch([{}], [(folder / row["file"]).read_bytes()]))[0]["ocr_text"] for row in rows]


def report(name: str, before: Readings, after: list[Readings]) -> None:
    mean = Readings(
        before.num_characters,
        np.mean([each.num_edits for each in after], axis=0),
        np.mean([each.is_right for each in after], axis=0),
    )
    all_of_them = compare(before, mean, num_resamples=NUM_RESAMPLES, seed=0)
    each = [compare(before, one, num_resamples=2, seed=0) for one in after]
    for kind in ("accuracy", "error_rate"):
        cells = [with_interval(getattr(all_of_them, f"{kind}_{when}")) for when in ("before", "after", "difference")]
        seeds = ", ".join(f"{getattr(one, f'{kind}_difference').value:+.4f}" for one in each)
        print(f"| {name} | {kind} of {all_of_them.num_lines} | {' | '.join(cells)} | {seeds} |", flush=True)


def with_interval(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


if __name__ == "__main__":
    main()
