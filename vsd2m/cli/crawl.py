"""Commands for crawling: `crawl check`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from vsd2m.cli.output import print_table

if TYPE_CHECKING:
    from vsd2m.crawl.source_check import PageReport
    from vsd2m.crawl.sources.base import Source

crawl_app = typer.Typer(help="Prepare a crawl.", no_args_is_help=True)


@crawl_app.callback()
def _group() -> None:
    """Keeps `check` a command of its own, although it is the only one."""


@crawl_app.command("check", epilog="Example: vsd2m crawl check mysite.yaml --pages results.html --pages sticker.html")
def check(
    source: Annotated[str, typer.Argument(help="A source's YAML file, its registry name, or module:Class.")],
    pages: Annotated[
        list[Path] | None, typer.Option("--pages", help="A saved page or answer of the site; may be given repeatedly.")
    ] = None,
    word: Annotated[str, typer.Option(help="The word whose first request is shown.")] = "cat",
) -> None:
    """Runs a source on saved pages and prints what each selector matched, and what is missing; asks no site."""
    from vsd2m.crawl.source_check import check_page, read_page

    checked_source = _open(source)
    _print_requests(checked_source, word)
    reports = [check_page(checked_source, read_page(path, checked_source.site), str(path)) for path in pages or []]
    for report in reports:
        _print_page(report)
    if not all(report.is_read for report in reports):
        raise typer.Exit(1)


def _open(source: str) -> "Source[Any]":
    from vsd2m.core.stage import StageConfig
    from vsd2m.crawl.sources import ChosenSource, open_source
    from vsd2m.pipelines.engine.config import validate

    class CheckedConfig(StageConfig):
        source: ChosenSource

    return open_source(validate(CheckedConfig, {"source": source}, path=source).source)


def _print_requests(source: "Source[Any]", word: str) -> None:
    """What the source would ask, as it is stored: without keys."""
    ask = source.first_request(word)
    typer.echo(f"asks for {word!r}: {ask.method} {ask.url}")
    terms = source.terms
    if terms is not None:
        verdict = f"do not allow {terms.forbidden}" if terms.forbidden else "allow storing and training"
        typer.echo(f"terms: {terms.url} (read on {terms.read_on}) {verdict}")


def _print_page(report: "PageReport") -> None:
    typer.echo(f"\n{report.name}: {report.kind or 'not understood'}")
    if report.fields:
        table = Table("field", "selector", "matched", "first value")
        for field in report.fields:
            style = "red" if field.verdict == "missing" else None
            table.add_row(field.name, escape(field.selector), field.verdict, escape(field.example), style=style)
        print_table(table)
    for problem in report.problems:
        typer.echo(f"problem: {problem}")
    if report.next_address:
        typer.echo(f"next page: {report.next_address}")
