"""Commands for the annotators' models: train-ocr."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from vsd2m.cli.output import print_json, print_table
from vsd2m.cli.progress import bar
from vsd2m.cli.runs import JsonOption, SetOption, parse_overrides

if TYPE_CHECKING:
    from vsd2m.annotate.ocr_training.ocr_scores import Estimate
    from vsd2m.annotate.ocr_training.ocr_training import OcrTraining


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command("train-ocr", epilog="Example: vsd2m train-ocr lines/train models/ocr --held-out lines/test")(train_ocr)


def train_ocr(
    lines: Annotated[
        Path, typer.Argument(metavar="LINES", help="Folder of pictures and labels.txt: picture<TAB>text.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the trained recogniser.")],
    held_out: Annotated[
        Path | None, typer.Option(help="Folder of lines for the evaluation; default: a tenth of the texts of LINES.")
    ] = None,
    num_steps: Annotated[int | None, typer.Option(help="Batches to train on.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides the order of the lines and which are held out.")] = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fine-tunes the text recogniser on your own lines, and prints what it reads better or worse than before."""
    from vsd2m.annotate.ocr_training.ocr_config import OcrTrainingConfig
    from vsd2m.annotate.ocr_training.ocr_training import train_ocr as train
    from vsd2m.pipelines.engine.config import validate

    options = {"lines": lines, "out": out, "held_out": held_out, "num_steps": num_steps, "seed": seed}
    options_given = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    values = parse_overrides(overrides) | {name: value for name, value in options_given.items() if value is not None}
    config = validate(OcrTrainingConfig, values, path="train-ocr")
    with bar("training", config.num_steps) as update_bar:
        training = train(config, on_step=lambda step, total, loss: update_bar(step, total, note=f"loss {loss:.4f}"))
    if as_json:
        print_json(asdict(training))
        return
    _report(training)


def _report(training: "OcrTraining") -> None:
    for reason, count in training.left_out.items():
        typer.echo(f"{count} of {training.num_read} lines left out: {reason}", err=True)
    if training.unknown_characters:
        typer.echo(f"characters that are not in the dictionary: {''.join(training.unknown_characters)}", err=True)
    comparison = training.comparison
    table = Table(
        "", "before", "after", "after - before", title=f"{comparison.num_lines} held-out lines, 95 % intervals"
    )
    for name, kind in (("lines without a fault", "accuracy"), ("character error rate", "error_rate")):
        estimates = (getattr(comparison, f"{kind}_{when}") for when in ("before", "after", "difference"))
        table.add_row(name, *(_with_interval(estimate) for estimate in estimates))
    print_table(table)
    typer.echo(f"use it: vsd2m run CONFIG --set stages.ocr.recognition_folder={training.folder}", err=True)
    typer.echo(training.folder)


def _with_interval(estimate: "Estimate") -> str:
    return f"{estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]"
