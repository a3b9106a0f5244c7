"""Commands about judging generators: benchmark run, prompts, table, selfcheck."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsd2m.cli.progress import Bar, bars
from vsd2m.cli.runs import SetOption, parse_overrides
from vsd2m.core.errors import ConfigError

if TYPE_CHECKING:
    from vsd2m.benchmark.tables.text_tables import Table

app = typer.Typer(help="Judge generated stickers.", no_args_is_help=True)


@app.command("run", epilog="Example: vsd2m benchmark run vsd-c --models tiny=demo/model --shards demo/run/shards")
def run(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="vsd-r, vsd-c, or vsd for both.")],
    models: Annotated[
        list[str],
        typer.Option("--models", metavar="NAME=FOLDER", help="A checkpoint, or anybody's GIFs or MP4s; repeat."),
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
    """Draws the prompts of test stickers, judges what was drawn, and prints the table. Run again to go on."""
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
        drawn, judged = (Bar(progress, progress.add_task(n, total=None, note=""), n) for n in ("drawing", "judging"))
        results = run_suite(
            config,
            out,
            runner=runner,
            cluster=Cluster(address),
            on_drawn=drawn,
            on_judged=judged,
            command=command_of(suite, config, out),
        )
        drawn.finish()
        judged.finish()
    typer.echo(as_markdown(results), nl=False)


@app.command("prompts", epilog="Example: vsd2m benchmark prompts vsd-c --shards demo/run/shards > prompts.jsonl")
def prompts(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="vsd-r, vsd-c, or vsd for both.")],
    shards: Annotated[str, typer.Option(help="Shards with the real stickers.")],
    max_prompts: Annotated[int, typer.Option(min=2, help="Most prompts.")] = 2048,
) -> None:
    """Prints what a model of your own should draw: a JSON line per test sticker with `prompt`, `domain` and `key`.

    Add the `file` that you drew for it to each line, and put them beside your files as manifest.jsonl.
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
        str, typer.Option(help="plain: all our metrics. paper: Tables 4, 5, 7 and costs, its rows beside ours.")
    ] = "plain",
    figure: Annotated[int | None, typer.Option(help="6: metrics against training steps.")] = None,
    form: Annotated[
        str, typer.Option("--format", help="markdown, csv, latex, html with moving examples, or svg of a figure.")
    ] = "markdown",
    num_examples: Annotated[int, typer.Option(min=0, help="Most prompts whose stickers the HTML page shows.")] = 12,
) -> None:
    """Prints the scores of one or more benchmark runs, alone or beside the published ones."""
    from vsd2m.benchmark.results import read_results
    from vsd2m.benchmark.tables.curve_chart import curve_chart
    from vsd2m.benchmark.tables.curves import curve_table, curves, pgfplots
    from vsd2m.benchmark.tables.paper_tables import paper_tables, read_runs
    from vsd2m.benchmark.tables.results_tables import as_csv, table_of
    from vsd2m.benchmark.tables.text_tables import RENDERERS

    _check("--style", style, ("plain", "paper"))
    _check("--format", form, (*RENDERERS, "html", *(["svg"] if figure else [])))
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
    drawn = output_folders(*folders)
    real = real_stickers(folders, frozenset(common_prompts(drawn, count=num_examples)))
    has_steps = any(origin.step is not None for origin in results.origins.values())
    examples = side_by_side(drawn, real, count=num_examples)
    return leaderboard(tables, examples, curves=curves(results) if has_steps else ())


@app.command("selfcheck", epilog="Example: vsd2m benchmark selfcheck --weights ~/weights")
def selfcheck(
    weights: Annotated[Path | None, typer.Option(help="Folder with published weight files, searched deeply.")] = None,
    peers: Annotated[bool, typer.Option(help="Beside other implementations, on random weights, as well.")] = False,
) -> None:
    """Computes published numbers anew and prints them beside ours; exits with 1 if one differs."""
    from vsd2m.benchmark.selfcheck.run_selfcheck import selfcheck
    from vsd2m.benchmark.tables.text_tables import Table, markdown

    checks = list(selfcheck(weights, with_peers=peers))
    verdicts = {True: "agrees", False: "DIFFERS", None: "not computed"}
    found = ("-" if check.found is None else f"{check.found:.6g}" for check in checks)
    rows = tuple(
        (
            check.name,
            check.source,
            f"{check.expected:g} ± {check.tolerance:g}",
            value,
            check.missing or verdicts[check.passed],
        )
        for check, value in zip(checks, found, strict=True)
    )
    typer.echo(markdown(Table("", ("check", "source", "expected", "found", "verdict"), rows)), nl=False)
    if any(check.passed is False for check in checks):
        raise typer.Exit(1)


def _check(option: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ConfigError(f"{option}: unknown value {value!r}; known: {', '.join(known)}")


def _pairs(arguments: list[str] | None) -> dict[str, str]:
    pairs = dict(argument.partition("=")[::2] for argument in arguments or [])
    bare = [name for name, value in pairs.items() if not name or not value]
    if bare:
        raise ConfigError(f"{bare[0]!r}: expected NAME=PATH")
    return pairs
