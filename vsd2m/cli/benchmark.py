"""Commands about judging generators: benchmark run, benchmark table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from vsd2m.cli.progress import bar
from vsd2m.cli.runs import SetOption, parse_overrides
from vsd2m.core.errors import ConfigError

app = typer.Typer(help="Judge generated stickers.", no_args_is_help=True)


@app.command("run", epilog="Example: vsd2m benchmark run tiny=demo/generated --shards demo/run/shards")
def run(
    models: Annotated[list[str], typer.Argument(metavar="NAME=FOLDER", help="A model's name and its outputs.")],
    shards: Annotated[str, typer.Option(help="Shards with the real stickers.")],
    out: Annotated[str, typer.Option(help="Folder for the results.")] = "benchmark",
    weights: Annotated[
        list[str] | None,
        typer.Option("--weights", metavar="NAME=PATH", help="E.g. i3d_torchscript=i3d.pt."),
    ] = None,
    overrides: SetOption = None,
) -> None:
    """Scores folders of generated stickers against real ones and prints the table."""
    from vsd2m.benchmark.config import BenchmarkConfig
    from vsd2m.benchmark.runner import run_benchmark
    from vsd2m.benchmark.tables import as_markdown
    from vsd2m.pipelines.config import validate

    values = {"generated": _pairs(models), "shards": shards, "weights": _pairs(weights), **parse_overrides(overrides)}
    with bar("benchmark", None) as shown:
        results = run_benchmark(validate(BenchmarkConfig, values, path="benchmark"), out, on_progress=shown)
    typer.echo(as_markdown(results), nl=False)


@app.command("table", epilog="Example: vsd2m benchmark table demo/benchmark --format csv")
def table(
    folders: Annotated[list[str], typer.Argument(help="Folders of benchmark runs.")],
    style: Annotated[
        str, typer.Option(help="plain: all our metrics. paper: the paper's tables, its rows beside ours.")
    ] = "plain",
    form: Annotated[
        str, typer.Option("--format", help="markdown, csv, latex, or html with moving examples.")
    ] = "markdown",
    num_examples: Annotated[int, typer.Option(min=0, help="Stickers of each model in the HTML page.")] = 12,
) -> None:
    """Prints the scores of one or more benchmark runs, alone or beside the published ones."""
    from vsd2m.benchmark.leaderboard import leaderboard
    from vsd2m.benchmark.paper_tables import paper_tables, read_runs
    from vsd2m.benchmark.render import RENDERERS
    from vsd2m.benchmark.results import output_folders, read_results
    from vsd2m.benchmark.tables import as_csv, table_of

    _check("--style", style, ("plain", "paper"))
    _check("--format", form, (*RENDERERS, "html"))
    if (style, form) == ("plain", "csv"):
        typer.echo(as_csv(read_results(*folders)), nl=False)
        return
    tables = paper_tables(read_runs(folders)) if style == "paper" else [table_of(read_results(*folders))]
    if form == "html":
        typer.echo(leaderboard(tables, output_folders(*folders), num_examples=num_examples), nl=False)
    else:
        typer.echo("\n".join(map(RENDERERS[form], tables)), nl=False)


@app.command("selfcheck", epilog="Example: vsd2m benchmark selfcheck --weights ~/weights")
def selfcheck(
    weights: Annotated[Path | None, typer.Option(help="Folder with published weight files, searched deeply.")] = None,
    peers: Annotated[bool, typer.Option(help="Beside other implementations, on random weights, as well.")] = False,
) -> None:
    """Computes published numbers anew and prints them beside ours; exits with 1 if one differs."""
    from vsd2m.benchmark.render import Table, markdown
    from vsd2m.benchmark.selfcheck import selfcheck

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
