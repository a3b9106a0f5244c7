"""The init command (three questions, and a config that runs), and a run of stickers without a config."""

from pathlib import Path
from typing import Annotated

import typer

from vsd2m.cli.progress import console
from vsd2m.core.errors import StorageError
from vsd2m.core.run import Run


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("init", epilog="Example: vsd2m init stickers --run runs/mine --no-models --out mine.yaml")(init)


def init(
    path: Annotated[
        str | None, typer.Argument(help="Your stickers: a folder, an archive, a pack, a table of addresses.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="Folder or URL that everything is written to.")] = None,
    models: Annotated[
        bool | None,
        typer.Option("--models/--no-models", help="Read texts, describe and write captions with models."),
    ] = None,
    contact: Annotated[
        str | None, typer.Option(help="Address or web page that sites may reach you at; for a table of addresses.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="The config to write.")] = Path("vsd2m.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the config if there is one.")] = False,
) -> None:
    """Asks where your stickers are and what is to be done with them, and writes a config with comments."""
    from vsd2m.pipelines.engine.config import read_config
    from vsd2m.pipelines.engine.plan import make_plan
    from vsd2m.pipelines.own_stickers import checked_place, config_for, default_run, has_addresses, left_out

    if out.exists() and not force:
        raise StorageError(f"{out} exists; name another with --out, or replace it with --force")
    if not out.parent.is_dir():
        raise StorageError(f"--out {out}: there is no folder {out.parent}")
    address = path if path is not None else typer.prompt("Where are your stickers? (folder, archive, pack, table)")
    place = checked_place(address)
    is_download = has_addresses(place)
    if is_download and contact is None:
        contact = typer.prompt("Where can the sites reach you? (mail address or web page)")
    if run is None:
        run = typer.prompt("Where should the data set go?", default=default_run(address))
    if models is None:
        models = typer.confirm("Read texts, describe and write captions with models? (slower)", default=False)
    omitted = left_out(with_models=models)
    out.write_text(config_for(address, run, omitted, contact=contact if is_download else None), encoding="utf-8")
    plan = make_plan(read_config(str(out)))
    for left in omitted:
        typer.echo(f"left out: {', '.join(left.stages)} ({left.reason})", err=True)
    typer.echo(out)
    typer.echo(f"to run it: vsd2m run {out}", err=True)
    plan.check_machine()


def config_of(stickers: str, run: str | None, with_models: bool | None) -> str:
    """The path of the config for stickers; says what is left out and where everything goes."""
    from vsd2m.pipelines.own_stickers import own_config

    new_config = own_config(stickers, run=run, with_models=with_models)
    for left in new_config.omitted:
        _say(f"left out: {', '.join(left.stages)} ({left.reason})")
    _say(f"everything is written to {new_config.run}; the config is {new_config.path}")
    return new_config.path


def say_where_to_look(finished_run: Run, stickers: str, config: str) -> None:
    """What there is now, each with its folder or command; `StageError` where no sticker is left."""
    from vsd2m.pipelines.own_stickers import check_result

    numbers = check_result(finished_run, stickers)
    run = finished_run.store.url
    pages = [("pictures and statistics", f"vsd2m stats {run} --open")] if "stats" in numbers else []
    for name, command in [
        (f"{numbers['split']} stickers in shards", f"{run}/shards"),
        *pages,
        ("what came of each stage", f"vsd2m status {run}"),
        ("what was dropped, and why", f"vsd2m view {run} --rejects --open"),
        ("more stickers, other limits", f"edit {config}, then: vsd2m run {config}"),
    ]:
        _say(f"{name:<30}{command}")


def _say(text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
