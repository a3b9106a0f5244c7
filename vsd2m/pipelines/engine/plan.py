"""A plan: the stages of a config, built, checked against each other, and given an identity."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from vsd2m import __version__
from vsd2m.core.commit import digest
from vsd2m.core.errors import ConfigError, install_line
from vsd2m.core.run import Kind, Run, StageLayout
from vsd2m.core.schema import MEDIA_COLUMNS, SCHEMA_VERSION, Column, Schema
from vsd2m.core.stage import FileStage, HostLoad, Stage, StickerStage, TableStage
from vsd2m.pipelines.engine.config import PipelineConfig, stage_of
from vsd2m.pipelines.engine.stages import columns_by_stage, contract


@dataclass(frozen=True)
class PlannedStage:
    """One entry of a plan. `stage` is configured but holds no model."""

    name: str
    registered: str
    stage: Stage[Any]
    retry_transient: bool = False

    @property
    def kind(self) -> Kind:
        for kind, stage_class in _KINDS.items():
            if isinstance(self.stage, stage_class):
                return kind
        raise ConfigError(f"stages.{self.name}: {type(self.stage).__name__} is not one of {', '.join(_KINDS)}")

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns read, those that locate the media included."""
        spec = self.stage.spec
        return tuple(dict.fromkeys([*spec.reads, *(MEDIA_COLUMNS if spec.reads_media else ())]))

    @cached_property
    def identity(self) -> str:
        """Digest of everything about the stage that can change its output."""
        spec = self.stage.spec
        types = {column.name: str(column.type) for column in spec.columns}
        return digest(
            {
                "stage": self.registered,
                "version": spec.version,
                "reads": list(self.reads),
                "writes": list(spec.writes),
                "schema": SCHEMA_VERSION,
                "config": self.stage.config.output_fields(),
                "models": self.stage.model_versions(),
                "types": types,
            }
        )

    @property
    def versions(self) -> dict[str, str]:
        return {"vsd2m": __version__, self.registered: str(self.stage.spec.version), **self.stage.model_versions()}


_KINDS: Mapping[Kind, Any] = {"sticker": StickerStage, "table": TableStage, "file": FileStage}


@dataclass(frozen=True)
class Plan:
    """The stages in order. Both runners execute the same plan."""

    config: PipelineConfig
    stages: tuple[PlannedStage, ...]
    schema: Schema

    def stage(self, name: str) -> PlannedStage:
        return next(planned for planned in self.stages if planned.name == name)

    def check_machine(self) -> None:
        """`ConfigError` that lists the packages, models and files that any stage needs and this machine lacks."""
        sentences = [f"stages.{planned.name}: {text}" for planned in self.stages for text in planned.stage.missing()]
        extras = []
        for planned in self.stages:
            for module, extra in planned.stage.packages().items():
                if importlib.util.find_spec(module) is None:
                    sentences.append(f"stages.{planned.name} needs {module!r}, which is not installed")
                    extras.append(extra)
        if sentences:
            installed = [install_line(*extras)] if extras else []
            raise ConfigError(f"this machine cannot run the plan: {'; '.join([*sentences, *installed])}")

    def retrying_transient(self) -> "Plan":
        """The same plan, in which a partition with transient rejects is not done."""
        return replace(self, stages=tuple(replace(planned, retry_transient=True) for planned in self.stages))

    def create_run(self) -> Run:
        """The run's folder, with its stages and resolved config written down."""
        run = self.open_run()
        run.describe(vsd2m=__version__, config=self.resolved_config())
        return run

    def open_run(self) -> Run:
        """The run's folder as it is, or as it will be; nothing is written."""
        layout = tuple(StageLayout(s.name, s.registered, s.kind, tuple(s.stage.spec.writes)) for s in self.stages)
        return Run(self.config.open_store(), layout, self.schema)

    def resolved_config(self) -> dict[str, Any]:
        """The config as JSON values with all defaults, and with asterisks for keys."""
        stages = {
            planned.name: {"stage": planned.registered, **planned.stage.config.model_dump(mode="json")}
            for planned in self.stages
        }
        return {**self.config.model_dump(mode="json", exclude={"stages"}), "stages": stages}


def make_plan(config: PipelineConfig) -> Plan:
    """The plan of `config`; `ConfigError` where a stage reads what no stage before it writes."""
    stages = tuple(
        PlannedStage(name, str((values or {}).get("stage", name)), stage_of(name, values))
        for name, values in config.stages.items()
    )
    schema = _schema(stages)
    _check_order(stages)
    _check_folders(stages)
    return Plan(config, stages, schema)


def _schema(stages: tuple[PlannedStage, ...]) -> Schema:
    """The columns that the stages write, each as it is declared."""
    declared = dict(contract())
    declared_by = {column.name: stage for stage, columns in columns_by_stage().items() for column in columns}
    for planned in stages:
        for column in planned.stage.spec.columns:
            _check_column(planned, column)
            earlier = declared.setdefault(column.name, column)
            stage = declared_by.setdefault(column.name, planned.name)
            if earlier != column:
                raise ConfigError(
                    f"stages.{planned.name}: column {column.name!r} is declared as {_words(column)}, but stage "
                    f"{stage!r} declares it as {_words(earlier)}; take another name, or declare the same"
                )
    return {name: _declared(planned, name, declared) for planned in stages for name in planned.stage.spec.writes}


def _check_column(planned: PlannedStage, column: Column) -> None:
    try:
        column.check()
    except ConfigError as error:
        raise ConfigError(f"stages.{planned.name}: {error}") from error


def _declared(planned: PlannedStage, name: str, declared: Schema) -> Column:
    if name not in declared:
        raise ConfigError(
            f"stages.{planned.name}: writes {name!r}, which no stage declares; give its StageSpec "
            f"columns=(Column({name!r}, TYPE, DESCRIPTION),)"
        )
    return declared[name]


def _words(column: Column) -> str:
    flags = [flag for flag in ("in_json", "in_samples") if getattr(column, flag)]
    return f"{column.type} ({'; '.join([column.description, *flags])})"


def _check_order(stages: tuple[PlannedStage, ...]) -> None:
    kinds = [planned.kind for planned in stages]
    if kinds[0] != "file" or "table" not in kinds or "sticker" in kinds[: kinds.index("table")]:
        names = ", ".join(planned.name for planned in stages)
        raise ConfigError(f"stages: expected a source (crawl, ingest), then catalog, then the others; found {names}")
    written: set[str] = {"key"}
    for position, planned in enumerate(stages):
        for column in planned.reads:
            if column not in written:
                raise ConfigError(f"stages.{planned.name}: reads {column!r}, which {_who_writes(column, stages)}")
        if kinds[:position].count("table") == 0 and planned.kind == "table":
            written = {"key"}  # the root starts the rows: columns that it does not write no longer exist
        is_root_made = "table" in kinds[: position + 1]
        if not (is_root_made and planned.kind == "file"):  # what a file stage writes then is not joined to the stickers
            written.update(planned.stage.spec.writes)


def _check_folders(stages: tuple[PlannedStage, ...]) -> None:
    """Two stages before the catalog must not write to one folder."""
    writers: dict[str, str] = {}
    for planned in stages:
        folder = getattr(planned.stage.config, "media_folder", None)
        if folder is not None and writers.setdefault(folder, planned.name) != planned.name:
            raise ConfigError(
                f"stages.{planned.name}: media_folder: stage {writers[folder]!r} writes to {folder!r}; name another"
            )


def _who_writes(column: str, stages: tuple[PlannedStage, ...]) -> str:
    writers = [planned.name for planned in stages if column in planned.stage.spec.writes]
    writers += [stage for stage, columns in columns_by_stage().items() if column in {entry.name for entry in columns}]
    return f"no earlier stage writes; put {writers[0]!r} first" if writers else "no stage declares"


def host_loads(plan: Plan, *, num_stickers: int) -> dict[str, list[HostLoad]]:
    """Stage -> what it will request of which hosts; nothing is requested to know it."""
    run = plan.open_run()
    loads = {
        planned.name: list(planned.stage.host_loads(run, planned.name, num_stickers=num_stickers))
        for planned in plan.stages
        if isinstance(planned.stage, FileStage)
    }
    return {name: of_stage for name, of_stage in loads.items() if of_stage}


@dataclass(frozen=True)
class Cost:
    """The expected cost of one stage over `num_stickers`."""

    stage: str
    kind: Kind
    num_cpus: int
    num_gpus: float
    cpu_seconds: float


def expected_cost(plan: Plan, *, num_stickers: int) -> list[Cost]:
    """Rough cost per stage, from each stage's own figure per sticker on one core."""
    return [
        Cost(
            planned.name,
            planned.kind,
            planned.stage.spec.resources.num_cpus,
            planned.stage.spec.resources.num_gpus,
            planned.stage.seconds_per_sticker() * num_stickers,
        )
        for planned in plan.stages
    ]
