"""Commands for runs: run, plan, status, why, verify, schema."""

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml
from rich.table import Table

from vsd2m.cli.init import config_of, say_where_to_look
from vsd2m.cli.output import print_json, print_table
from vsd2m.cli.progress import RunProgress, bars
from vsd2m.cli.remote import detach_run
from vsd2m.core.errors import ConfigError, StageError
from vsd2m.core.folder_lock import LOCK_FILE, break_lock
from vsd2m.core.run import Run
from vsd2m.core.storage import Store

if TYPE_CHECKING:
    from vsd2m.pipelines.status import StageStatus

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Folder or URL of a run.")]
ConfigArgument = Annotated[str, typer.Argument(metavar="CONFIG", help="YAML file of the pipeline.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help=r"Override, e.g. stages.crawl.words=\[cat]."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command("run", epilog="Example: vsd2m run vsd2m/pipelines/configs/gallery.yaml --set run=runs/first")(run)
    app.command("plan", epilog="Example: vsd2m plan vsd2m/pipelines/configs/gallery.yaml --num-stickers 2500000")(plan)
    app.command("status", epilog="Example: vsd2m status demo/run")(status)
    app.command("why", epilog="Example: vsd2m why demo/run 3f2a")(why)
    app.command("verify", epilog="Example: vsd2m verify demo/run")(verify)
    app.command("schema", epilog="Example: vsd2m schema > vsd2m.schema.json")(schema)


def run(
    config: Annotated[
        str,
        typer.Argument(metavar="CONFIG", help="YAML file of the pipeline, or your stickers: a folder, archive, pack."),
    ],
    runner: Annotated[str, typer.Option(help="local or ray.")] = "local",
    overrides: SetOption = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed stickers again.")] = False,
    retry: Annotated[
        str | None,
        typer.Option(metavar="transient", help="Request again what a busy or unreachable site did not deliver."),
    ] = None,
    address: Annotated[str | None, typer.Option(help="Address of a Ray cluster; default: this machine.")] = None,
    num_workers: Annotated[
        int, typer.Option("--workers", min=1, help="Cores that the local runner gives to sticker stages.")
    ] = 1,
    detach: Annotated[
        bool, typer.Option("--detach", help="Start the run on the cluster at --address and return.")
    ] = False,
    remove_lock: Annotated[
        bool,
        typer.Option("--break-lock", help="Remove the folder's lock, left by a process that ended on another machine."),
    ] = False,
    models: Annotated[
        bool | None,
        typer.Option("--models/--no-models", help="For stickers: with models; default: if this machine has them."),
    ] = None,
) -> None:
    """Runs a pipeline, or resumes it where it was stopped. Stickers instead of a config are run with a usual one."""
    from vsd2m.pipelines.engine.config import PipelineConfig, read_yaml, validate
    from vsd2m.pipelines.engine.plan import make_plan
    from vsd2m.pipelines.engine.runners import run_plan
    from vsd2m.pipelines.own_stickers import check_result, is_config

    given_values = parse_overrides(overrides)
    stickers = None if is_config(config) else config
    if stickers is not None:
        config = config_of(stickers, given_values.get("run"), models)
    elif models is not None:
        raise ConfigError("--models: a config decides that itself; the option is for stickers in the place of a config")
    values = read_yaml(config, given_values)
    pipeline_plan = make_plan(validate(PipelineConfig, values, path=config))
    if retry not in (None, "transient"):
        raise ConfigError(f"--retry: expected transient, found {retry!r}; for failed stickers there is --retry-failed")
    if detach:
        options = [*(["--retry-failed"] if retry_failed else []), *(["--retry", retry] if retry else [])]
        detach_run(pipeline_plan.config.run, values, options, address=address)
        return
    if retry:
        pipeline_plan = pipeline_plan.retrying_transient()
    if remove_lock:
        break_lock(Store(pipeline_plan.config.run))
    try:
        with bars() as progress:
            finished_run = run_plan(
                pipeline_plan,
                runner=runner,
                observer=RunProgress(progress),
                retry_failed=retry_failed,
                address=address,
                num_workers=num_workers,
            )
    except StageError:
        if stickers is not None:  # a run without stickers ends at the shards
            check_result(Run.open(pipeline_plan.config.run), stickers)
        raise
    if stickers is not None:
        say_where_to_look(finished_run, stickers, config)
    typer.echo(finished_run.store.url)


def plan(
    config: ConfigArgument,
    num_stickers: Annotated[int, typer.Option(help="Expected number of stickers.", min=1)] = 1000,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prints the stages, their resources and the expected cost, and fails if this machine lacks something."""
    from vsd2m.pipelines.engine.config import read_config
    from vsd2m.pipelines.engine.plan import expected_cost, host_loads, make_plan

    pipeline_plan = make_plan(read_config(config, parse_overrides(overrides)))
    costs = expected_cost(pipeline_plan, num_stickers=num_stickers)
    loads = host_loads(pipeline_plan, num_stickers=num_stickers)
    if as_json:
        print_json([{**asdict(cost), "hosts": [asdict(load) for load in loads.get(cost.stage, [])]} for cost in costs])
        pipeline_plan.check_machine()
        return
    table = Table(
        "stage", "kind", "cpus", "gpus", "cpu time", title=f"{pipeline_plan.config.run}, {num_stickers:,} stickers"
    )
    for cost in costs:
        table.add_row(cost.stage, cost.kind, str(cost.num_cpus), f"{cost.num_gpus:g}", _duration(cost.cpu_seconds))
    table.add_row("all", "", "", "", _duration(sum(cost.cpu_seconds for cost in costs)), style="bold")
    print_table(table)
    for stage, of_stage in loads.items():
        hosts = Table("host", "requests", "delay", "time", title=f"requests of {stage}")
        for load in of_stage:
            hosts.add_row(load.host, f"{load.requests:,}", f"{load.delay_s:g} s", _duration(load.seconds))
        print_table(hosts)
    pipeline_plan.check_machine()


def status(
    run: RunArgument,
    show_timeline: Annotated[
        bool, typer.Option("--timeline", help="Show when each stage was busy in the newest run, and what waited.")
    ] = False,
    is_watched: Annotated[
        bool, typer.Option("--watch", help="Repeat it until no process works in the folder.")
    ] = False,
    seconds: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks of --watch.")] = 5.0,
    as_json: JsonOption = False,
) -> None:
    """Shows, per stage, what was read, kept, dropped and failed, why, and how fast; and how hosts responded."""
    while is_watched and Store(run).exists(LOCK_FILE):
        _show_status(run, show_timeline, as_json)
        time.sleep(seconds)
    _show_status(run, show_timeline, as_json)


def _show_status(run: str, show_timeline: bool, as_json: bool) -> None:
    from vsd2m.pipelines.scheduling.timeline import stage_times
    from vsd2m.pipelines.status import status as run_status

    opened_run = Run.open(run)
    if as_json:
        print_json(
            [asdict(row) for row in (stage_times(opened_run.store) if show_timeline else run_status(opened_run))]
        )
    elif show_timeline:
        print_table(_timeline_table(opened_run))
    else:
        rows = run_status(opened_run)
        for table in (_status_table(rows, run), *(_host_table(row) for row in rows if row.hosts)):
            print_table(table)


def _status_table(rows: "list[StageStatus]", title: str) -> Table:
    table = Table("stage", "parts", "read", "kept", "dropped", "failed", "stickers/s", "reasons", title=title)
    for row in rows:
        speed = row.stickers_per_second
        reasons = ", ".join(f"{reason} {number}" for reason, number in row.reasons.items())
        numbers = (row.num_partitions, row.num_read, row.num_kept, row.num_dropped, row.num_failed)
        table.add_row(row.stage, *map(str, numbers), f"{speed:.1f}" if speed else "", reasons)
    return table


def _timeline_table(run: Run) -> Table:
    from vsd2m.pipelines.scheduling.timeline import bar_of, stage_times

    table = Table("stage", "from", "to", "busy", "waited", "workers", "repeated", "activity", title=run.store.url)
    for row in stage_times(run.store):
        times = map(_duration, (row.started, row.ended, row.busy, row.waited))
        table.add_row(row.stage, *times, str(row.max_workers), str(row.num_repeated), bar_of(row.activity))
    return table


def _host_table(row: "StageStatus") -> Table:
    table = Table("host", "requests", "success", "retries", "median", "95 %", "outcomes", title=f"hosts of {row.stage}")
    for host in row.hosts:
        latencies = ["" if ms is None else f"≤ {ms} ms" for ms in (host.median_ms, host.p95_ms)]
        outcomes = ", ".join(f"{outcome} {number}" for outcome, number in host.outcomes.items())
        table.add_row(host.host, str(host.requests), f"{host.success:.1%}", str(host.retries), *latencies, outcomes)
    return table


def why(
    run: RunArgument,
    key: Annotated[str, typer.Argument(help="A sticker's key, the start of one, or its address.")],
    as_json: JsonOption = False,
) -> None:
    """Prints everything that happened to one sticker."""
    from vsd2m.pipelines.lineage import why as lineage

    events = lineage(Run.open(run), key)
    if as_json:
        print_json([asdict(event) for event in events])
        return
    colours = {"kept": "green", "dropped": "yellow", "failed": "red"}
    for event in events:
        typer.secho(f"{event.stage}: {event.outcome}", fg=colours[event.outcome], bold=True)
        for name, value in event.facts.items():
            typer.echo(f"    {name:<22} {_short(value)}")
        typer.secho(f"    by {', '.join(f'{name} {version}' for name, version in event.versions.items())}", dim=True)


def verify(run: RunArgument) -> None:
    """Checks every committed file of a run, or a folder of shards, against its recorded digests."""
    from vsd2m.pipelines.status import damaged_files, manifest
    from vsd2m.shard.verify import verify as verify_shards

    problems: list[str]
    if run.rstrip("/").endswith("shards"):
        problems = [str(problem) for problem in verify_shards(run)]
        description = "shards"
    else:
        opened_run = Run.open(run)
        problems = damaged_files(opened_run)
        description = f"{len(manifest(opened_run))} files"
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise StageError(f"{run}: {len(problems)} problems; run the pipeline again to repair the damaged parts")
    typer.echo(f"{run}: {description}, all as committed")


def schema() -> None:
    """Prints the JSON schema of a pipeline config."""
    from vsd2m.pipelines.engine.config import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def parse_overrides(overrides: list[str] | None) -> dict[str, Any]:
    """`["a.b=1"]` as `{"a.b": 1}`; values are YAML."""
    parsed = {}
    for override in overrides or []:
        path, equals, value = override.partition("=")
        if not equals or not all(path.split(".")):
            raise ConfigError(f"--set {override}: expected PATH=VALUE, e.g. --set run=out")
        try:
            parsed[path] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(
                f"--set {override}: the value is not YAML: {str(error).splitlines()[0]}; put text in quotes, "
                "and close every [ and {"
            ) from error
    return parsed


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.0f} h"


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = text.replace("\n", " ⏎ ")
    return text if len(text) <= 200 else f"{text[:199]}…"
