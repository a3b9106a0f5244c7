"""Commands for data: samples, gallery, stats, view, filter report."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from vsd2m.cli.progress import bar
from vsd2m.cli.runs import RunArgument
from vsd2m.core.errors import StorageError
from vsd2m.core.run import Run
from vsd2m.pipelines.demo.sample_artist import sample_artist

filter_app = typer.Typer(help="Inspect the filters of a run.", no_args_is_help=True)
OpenOption = Annotated[bool, typer.Option("--open", help="Open the page in a browser.")]
OutOption = Annotated[Path | None, typer.Option("--out", help="Where to write the page; default: into the run.")]


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command("samples", epilog="Example: vsd2m samples stickers --num-stickers 100")(samples)
    app.command("gallery", epilog="Example: vsd2m gallery stickers --port 8080")(gallery)
    app.command("stats", epilog="Example: vsd2m stats demo/run --open")(stats)
    app.command("view", epilog="Example: vsd2m view demo/run --rejects --open")(view)


def samples(
    folder: Annotated[Path, typer.Argument(help="Folder for the stickers.")],
    num_stickers: Annotated[int, typer.Option(help="Good stickers; planted bad ones are added.", min=1)] = 320,
    seed: Annotated[int, typer.Option(help="Seed; another seed gives other stickers.", min=0)] = 0,
) -> None:
    """Draws animated stickers and writes a truth file that describes them."""
    with bar("drawing", num_stickers) as update_bar:
        sample_artist().write_samples(folder, num_stickers=num_stickers, seed=seed, on_progress=update_bar)
    typer.echo(folder)


def gallery(
    folder: Annotated[Path, typer.Argument(help="Any folder of stickers.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 chooses a free one.", min=0, max=65535)] = 8640,
    traps: Annotated[
        bool, typer.Option("--traps", help="Add a trigger word `traps` for whose stickers the site misbehaves.")
    ] = False,
    api: Annotated[
        str | None, typer.Option("--api", help="Answer like this API instead: commons, openverse, mastodon, ...")
    ] = None,
    busy_every: Annotated[
        int | None, typer.Option(help="API: every N-th answer says that it is busy (429, maxlag ...).", min=1)
    ] = None,
    wrong_every: Annotated[
        int | None, typer.Option(help="API: every N-th sticker has a missing or wrong field.", min=1)
    ] = None,
    page_size: Annotated[int | None, typer.Option(help="API: at most this many stickers per answer.", min=1)] = None,
) -> None:
    """Serves a folder of stickers as a web site that can be crawled, or as a sticker API, until interrupted."""
    from vsd2m.gallery.server import serve_forever

    if api is None:
        from vsd2m.gallery.site import GallerySite

        serve_forever(GallerySite(folder, host, port, traps=traps), on_ready=typer.echo)
        return
    from vsd2m.gallery.apis.base import ApiOptions
    from vsd2m.gallery.apis.site import ApiSite

    options = ApiOptions(busy_every=busy_every, wrong_every=wrong_every, page_size=page_size)
    serve_forever(ApiSite(folder, api, host, port, options=options), on_ready=typer.echo)


def stats(run: RunArgument, open_page: OpenOption = False) -> None:
    """Prints where a run's statistics page is."""
    page = "stats.html"
    opened_run = Run.open(run)
    if not opened_run.store.exists(page):
        raise StorageError(f"{run} has no {page}; give the pipeline a `stats` stage and run it again")
    _show(opened_run.store.path(page), open_page)


def view(
    run: RunArgument,
    rejects: Annotated[bool, typer.Option("--rejects", help="What was dropped, by stage and reason.")] = False,
    out: OutOption = None,
    open_page: OpenOption = False,
) -> None:
    """Writes a page to browse a run's stickers, or its rejects."""
    if not rejects:
        stats(run, open_page)
        return
    from vsd2m.filter.rejects_page import write_rejects

    _show(str(write_rejects(Run.open(run), out or Path(run) / "rejects.html")), open_page)


@filter_app.command("report", epilog="Example: vsd2m filter report demo/run --open")
def report(run: RunArgument, out: OutOption = None, open_page: OpenOption = False) -> None:
    """Writes a page that shows every rule's histogram, limit, and stickers on both sides of it."""
    from vsd2m.filter.report import write_report

    _show(str(write_report(Run.open(run), out or Path(run) / "filter.html")), open_page)


def _show(page: str, open_page: bool) -> None:
    typer.echo(page)
    if open_page:
        webbrowser.open(Path(page).resolve().as_uri() if "://" not in page else page)
