"""Commands for runs whose driver is elsewhere: resume, cancel, logs; and the start of one."""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
import yaml

from vsd2m.cli.progress import RunProgress, bars
from vsd2m.core.errors import ConfigError, StageError
from vsd2m.core.folder_lock import read_holder
from vsd2m.core.run import Run

MASK = "**********"
END_SECONDS = 120.0

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Folder or URL of a run.")]
AddressOption = Annotated[str | None, typer.Option(help="Address of a Ray cluster.")]


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command("resume", epilog="Example: vsd2m resume demo/run")(resume)
    app.command("cancel", epilog="Example: vsd2m cancel demo/run")(cancel)
    app.command("logs", epilog="Example: vsd2m logs demo/run")(logs)


def detach_run(run: str, values: Mapping[str, Any], options: Sequence[str], *, address: str | None) -> None:
    """Starts the run's driver on the cluster, and prints how to watch it."""
    from vsd2m.pipelines.cluster.detached import start_detached

    config = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
    start_detached(run, config, options, address=address)
    typer.echo(f"watch: vsd2m status {run} --watch; cancel: vsd2m cancel {run} --address ADDRESS", err=True)
    typer.echo(run)


def resume(
    run: RunArgument,
    address: AddressOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="Start it on the cluster at --address and return.")] = False,
    num_workers: Annotated[int, typer.Option("--workers", min=1, help="Cores of the local runner.")] = 1,
) -> None:
    """Resumes a run with the config in its folder: on the cluster at --address, or on this machine."""
    from vsd2m.pipelines.engine.config import PipelineConfig, validate
    from vsd2m.pipelines.engine.plan import make_plan
    from vsd2m.pipelines.engine.runners import run_plan

    values = {**Run.open(run).facts["config"], "run": run}
    if masked_fields := list(_masked(values)):
        raise ConfigError(
            f"{run}/run.json does not hold {', '.join(masked_fields)}, which are secret; "
            "use the config's file: vsd2m run CONFIG"
        )
    plan = make_plan(validate(PipelineConfig, values, path=f"{run}/run.json"))
    if detach:
        detach_run(run, values, [], address=address)
        return
    with bars() as progress:
        run_plan(
            plan,
            runner="ray" if address else "local",
            observer=RunProgress(progress),
            address=address,
            num_workers=num_workers,
        )
    typer.echo(run)


def cancel(run: RunArgument, address: AddressOption = None) -> None:
    """Ends a run as Ctrl-C would: the detached one on the cluster at --address, or the one on this machine."""
    if address:
        from vsd2m.pipelines.cluster.detached import cancel_detached

        cancel_detached(run, address=address)
    else:
        _cancel_here(run)
    typer.echo(f"{run} has ended; finished work is kept. To resume: vsd2m resume {run}", err=True)


def logs(run: RunArgument) -> None:
    """Prints what the driver of a detached run has printed."""
    from vsd2m.core.storage import Store
    from vsd2m.pipelines.cluster.detached import read_log

    typer.echo(read_log(Store(run)), nl=False)


def _cancel_here(run: str) -> None:
    opened_run = Run.open(run)
    holder = read_holder(opened_run.store)
    if holder is None or holder.has_ended():
        raise StageError(f"nothing runs in {run}")
    if not holder.is_here():
        raise StageError(f"{run} is in use by {holder}; cancel it there, or with the --address of its cluster")
    os.kill(holder.process, signal.SIGINT)
    deadline = time.monotonic() + END_SECONDS
    while not holder.has_ended():
        if time.monotonic() > deadline:
            raise StageError(f"{holder} has not ended within {END_SECONDS:g} s")
        time.sleep(0.1)


def _masked(values: Any, path: str = "") -> list[str]:
    """The paths of secrets, which `run.json` holds as asterisks."""
    if values == MASK:
        return [path]
    entries = values.items() if isinstance(values, Mapping) else enumerate(values) if isinstance(values, list) else ()
    return [field for name, value in entries for field in _masked(value, f"{path}.{name}".lstrip("."))]
