"""Commands that evaluate generators: benchmark run, prompts, table, selfcheck."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsd2m.cli.progress import Bar, bars
from vsd2m.cli.runs import SetOption, parse_overrides
from vsd2m.core.errors import ConfigError

if TYPE_CHECKING:
    from vsd2m.benchmark.tables.table import Table

app = typer.Typer(help="Evaluate generated stickers.", no_args_is_help=True)


@app.command("run", epilog="Example: vsd2m benchmark run vsd-c --models tiny=demo/model --shards demo/run/shards")
def run(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="vsd-r, vsd-c, or vsd for both.")],
    models: Annotated[
        list[str],
        typer.Option(
            "--models", metavar="NAME=FOLDER", help="A checkpoint, or a folder of GIFs or MP4s; can be repeated."
        ),
    ],
    shards: Annotated[str, typer.Option(help="Shards with the real stickers.")],
    out: Annotated[str, typer.Option(help="Folder for stickers and results.")] = "benchmark",
    checkpoints: Annotated[str, typer.Option(help="Of a training run: newest, or all for a curve.")] = "newest",
    weights: Annotated[
        list[str] | None,
        typer.Option("--weights", metavar="NAME=PATH", help="E.g. i3d_torchscript=i3d.pt."),
    ] = None,
    runner: Annotated[str, typer.Option(help="local or ray.")] = "local",
    address: Annotated[str | None, typer.Option(help="Address of a Ray cluster; default: this machine.")] = None,
    overrides: SetOption = None,
) -> None:
    """Generates stickers for the prompts of a test set, evaluates them, and prints the table. Run again to resume."""
    from vsd2m.benchmark.suite.test_sets import splits_of
    from vsd2m.benchmark.tables.results_tables import as_markdown
    from vsd2m.pipelines.cluster.ray_cluster import Cluster
    from vsd2m.pipelines.engine.config import nested, validate
    from vsd2m.pipelines.suite.benchmarking import SuiteConfig, command_of, run_suite

    values = {
        "splits": splits_of(suite),
        "models": _pairs(models),
        "shards": shards,
        "weights": _pairs(weights),
        "checkpoints": checkpoints,
        **nested(parse_overrides(overrides)),
    }
    config = validate(SuiteConfig, values, path="benchmark")
    with bars() as progress:
        generation_bar, evaluation_bar = (
            Bar(progress, progress.add_task(n, total=None, note=""), n) for n in ("generating", "evaluating")
        )
        results = run_suite(
            config,
            out,
            runner=runner,
            cluster=Cluster(address),
            on_drawn=generation_bar,
            on_judged=evaluation_bar,
            command=command_of(suite, config, out),
        )
        generation_bar.finish()
        evaluation_bar.finish()
    typer.echo(as_markdown(results), nl=False)


@app.command("prompts", epilog="Example: vsd2m benchmark prompts vsd-c --shards demo/run/shards > prompts.jsonl")
def prompts(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="vsd-r, vsd-c, or vsd for both.")],
    shards: Annotated[str, typer.Option(help="Shards with the real stickers.")],
    max_prompts: Annotated[int, typer.Option(min=2, help="Most prompts.")] = 2048,
) -> None:
    """Prints the prompts for your own model: a JSON line per test sticker with `prompt`, `domain` and `key`.

    Add the generated `file` to each line, and put the lines next to your files as manifest.jsonl.
    """
    from vsd2m.benchmark.suite.real_clips import list_split
    from vsd2m.benchmark.suite.test_sets import splits_of

    for clip in list_split(shards, splits=splits_of(suite), num_frames=8, size=256, max_clips=max_prompts):
        row = {"prompt": clip.prompt, "domain": clip.domain, "key": clip.key}
        typer.echo(json.dumps(row, ensure_ascii=False))


@app.command("table", epilog="Example: vsd2m benchmark table demo/benchmark --format csv")
def table(
    folders: Annotated[list[str], typer.Argument(help="Folders of benchmark runs.")],
    style: Annotated[
        str, typer.Option(help="plain: all our metrics. paper: Tables 4, 5, 7 and costs, its rows next to ours.")
    ] = "plain",
    figure: Annotated[int | None, typer.Option(help="6: metrics against training steps.")] = None,
    form: Annotated[
        str, typer.Option("--format", help="markdown, csv, latex, html with moving examples, or svg of a figure.")
    ] = "markdown",
    num_examples: Annotated[int, typer.Option(min=0, help="Most prompts whose stickers the HTML page shows.")] = 12,
) -> None:
    """Prints the scores of one or more benchmark runs, alone or with the published ones."""
    from vsd2m.benchmark.results import read_results
    from vsd2m.benchmark.tables.curve_chart import curve_chart
    from vsd2m.benchmark.tables.curves import curve_table, curves, pgfplots
    from vsd2m.benchmark.tables.paper_tables import paper_tables, read_runs
    from vsd2m.benchmark.tables.results_tables import as_csv, table_of
    from vsd2m.benchmark.tables.text_tables import RENDERERS

    _check_value("--style", style, ("plain", "paper"))
    _check_value("--format", form, (*RENDERERS, "html", *(["svg"] if figure else [])))
    if figure not in (None, 6):
        raise ConfigError(f"--figure: unknown figure {figure}; known: 6")
    results = read_results(*folders)
    if figure and form in ("svg", "latex"):
        typer.echo(curve_chart(curves(results)) if form == "svg" else pgfplots(results), nl=False)
        return
    if (style, form, figure) == ("plain", "csv", None):
        typer.echo(as_csv(results), nl=False)
        return
    if figure:
        tables = [curve_table(results)]
    else:
        tables = paper_tables(read_runs(folders)) if style == "paper" else [table_of(results)]
    if form == "html":
        typer.echo(_page(folders, tables, num_examples), nl=False)
    else:
        typer.echo("\n".join(map(RENDERERS[form], tables)), nl=False)


def _page(folders: Sequence[str], tables: "list[Table]", num_examples: int) -> str:
    from vsd2m.benchmark.results import output_folders, read_results
    from vsd2m.benchmark.tables.curves import curves
    from vsd2m.benchmark.tables.leaderboard import leaderboard
    from vsd2m.benchmark.tables.side_by_side import common_prompts, real_stickers, side_by_side

    results = read_results(*folders)
    output_paths = output_folders(*folders)
    real = real_stickers(folders, frozenset(common_prompts(output_paths, count=num_examples)))
    has_steps = any(origin.step is not None for origin in results.origins.values())
    examples = side_by_side(output_paths, real, count=num_examples)
    return leaderboard(tables, examples, curves=curves(results) if has_steps else ())


@app.command("selfcheck", epilog="Example: vsd2m benchmark selfcheck --weights ~/weights")
def selfcheck(
    weights: Annotated[
        Path | None, typer.Option(help="Folder with published weight files; subfolders are searched too.")
    ] = None,
    peers: Annotated[bool, typer.Option(help="Also compare with other implementations, on random weights.")] = False,
) -> None:
    """Reproduces published numbers and prints them with ours; exits with 1 if one differs."""
    from vsd2m.benchmark.selfcheck.run_selfcheck import selfcheck
    from vsd2m.benchmark.tables.table import Column, Number, Row, Table
    from vsd2m.benchmark.tables.text_tables import markdown

    checks = list(selfcheck(weights, with_peers=peers))
    verdicts = {True: "agrees", False: "DIFFERS", None: "not computed"}
    rows = tuple(
        Row(
            check.name,
            (
                check.source,
                f"{check.expected:g} ± {check.tolerance:g}",
                None if check.computed is None else Number(check.computed, ".6g"),
                check.missing or verdicts[check.passed],
            ),
        )
        for check in checks
    )
    columns = tuple(map(Column, ("source", "expected", "found", "verdict")))
    typer.echo(markdown(Table("", "check", columns, rows)), nl=False)
    if any(check.passed is False for check in checks):
        raise typer.Exit(1)


def _check_value(option: str, value: str, known_values: Sequence[str]) -> None:
    if value not in known_values:
        raise ConfigError(f"{option}: unknown value {value!r}; known: {', '.join(known_values)}")


def _pairs(arguments: list[str] | None) -> dict[str, str]:
    pairs = dict(argument.partition("=")[::2] for argument in arguments or [])
    incomplete_names = [name for name, value in pairs.items() if not name or not value]
    if incomplete_names:
        raise ConfigError(f"{incomplete_names[0]!r}: expected NAME=PATH")
    return pairs
