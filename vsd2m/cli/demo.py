"""The demo command: runs every part once on drawn stickers, and counts the right answers."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from vsd2m.cli.output import print_table
from vsd2m.cli.progress import RunProgress, bar, bars, console
from vsd2m.pipelines.demo import run_demo as steps
from vsd2m.pipelines.demo.right_answers import RightAnswers
from vsd2m.pipelines.demo.run_demo import DemoFiles


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("prepare", epilog="Example: vsd2m prepare")(prepare)
    app.command("demo", epilog="Example: vsd2m demo demo --num-stickers 100 --num-steps 100")(demo)


def prepare() -> None:
    """Does in advance what each machine does once: compiles the loops over pixels, converts the packaged weights."""
    from vsd2m.pipelines.prepare import prepare as parts

    for part in parts():
        console.print(f"preparing {part}", highlight=False)
    typer.echo("prepared")


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder for everything.")] = Path("demo"),
    num_stickers: Annotated[int, typer.Option(help="Stickers to draw; planted bad ones are added.", min=20)] = 240,
    num_steps: Annotated[int, typer.Option(help="Training steps of the small generator.", min=1)] = 200,
    runner: Annotated[str, typer.Option(help="local or ray.")] = "local",
    port: Annotated[int, typer.Option(help="Port of the sticker site; 0 chooses a free one.", min=0, max=65535)] = 8640,
) -> None:
    """Draws stickers, crawls them from a site on loopback, builds a data set, trains, generates and benchmarks."""
    files = steps.DemoFiles(folder)
    with bar("drawing stickers", num_stickers) as update_bar:
        steps.draw(files, num_stickers=num_stickers, on_progress=update_bar)
    with bars() as progress:
        run = steps.build(files, runner=runner, observer=RunProgress(progress), port=port)
    _print_right_answers(*steps.count_answers(files, run))
    with bar("training", num_steps) as update_bar:
        steps.train(
            files, num_steps=num_steps, on_step=lambda step, total, loss: update_bar(step, total, f"loss {loss:.3f}")
        )
    with bar("generating", len(steps.PROMPTS)) as update_bar:
        steps.generate(files, on_progress=update_bar)
    with bar("benchmark", None) as update_bar:
        table = steps.benchmark(files, on_progress=update_bar)
    typer.echo(table)
    _print_next_steps(files)


def _print_right_answers(right_answers: list[RightAnswers], error_rate: float, num_stickers: int) -> None:
    table = Table("question", "right", title="Right answers (the stickers were drawn, so the truth is known)")
    for answer in right_answers:
        right = f"{answer.num_right} of {answer.num_asked}"
        table.add_row(answer.question, right, style="" if answer.num_right == answer.num_asked else "yellow")
    table.add_row("OCR: character error rate", f"{error_rate:.1%} over {num_stickers} stickers with text")
    print_table(table)


def _print_next_steps(files: DemoFiles) -> None:
    load = f"next(iter(vsd2m.load('{files.shards}', split='train', num_frames=8, size=256)))"
    next_steps = [
        ("data set", files.shards, f'python -c "import vsd2m; print({load})"'),
        ("statistics", files.statistics, f"vsd2m stats {files.run} --open"),
        ("verdicts", files.run, f"vsd2m status {files.run}"),
        ("history of a sticker", files.run, f"vsd2m why {files.run} KEY"),
        ("what was dropped", files.run, f"vsd2m view {files.run} --rejects --open"),
        ("generator", files.model, f'vsd2m generate "a dancing penguin" --checkpoint {files.model}'),
        ("generated stickers", files.generated, ""),
        ("benchmark", files.benchmark, f"vsd2m benchmark table {files.benchmark} --format html > leaderboard.html"),
    ]
    console = Console()
    for name, where, command in next_steps:
        console.print(f"[bold]{name:<22}[/]{where}", highlight=False, soft_wrap=True)
        if command:
            console.print(f"{'':<22}[dim]{command}[/]", highlight=False, soft_wrap=True, markup=True)
