"""What a stage is. No runner, no Ray, no I/O here: a stage declares what it reads and writes, and computes.

Three kinds, by the input of one call:

- `StickerStage`: a batch of stickers; returns the new columns of each, or a `Drop`.
- `TableStage`: the columns of all stickers at once (merging words, duplicate groups, splits).
- `FileStage`: produces files beside columns, partition by partition (crawl, shards, statistics).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import polars as pl

    from vsd2m.core.run import Run
    from vsd2m.core.schema import Column


@dataclass(frozen=True)
class Resources:
    """What one worker of a stage occupies. `num_cpus` is also its thread count in every runner, so that
    sums of floats come out the same on every machine."""

    num_cpus: int = 1
    num_gpus: float = 0.0


@dataclass(frozen=True)
class StageSpec:
    """A stage's declaration: `version` is raised whenever the same input would give another output.

    `columns` are the columns it brings, with type and meaning; `writes` names those of other stages that it writes
    anew. Afterwards `writes` has the names of both.
    """

    name: str
    version: int
    reads: tuple[str, ...]
    writes: tuple[str, ...] = ()
    reads_media: bool = False
    batch_size: int = 32
    resources: Resources = field(default_factory=Resources)
    columns: tuple["Column", ...] = ()

    def __post_init__(self) -> None:
        written = dict.fromkeys((*(column.name for column in self.columns), *self.writes))
        object.__setattr__(self, "writes", tuple(written))


class StageConfig(BaseModel):
    """Base of every stage's config: frozen, unknown keys refused. Validation does no I/O on any machine.

    A field made with `neutral(...)` (a device, a batch size) does not change what the stage writes, and
    so does not invalidate finished work.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)  # the input may hold a key

    def output_fields(self) -> dict[str, Any]:
        """The config as JSON values, without the fields that cannot change the output."""
        values = self.model_dump(mode="json")
        return {
            name: _output_value(getattr(self, name), values[name])
            for name, info in type(self).model_fields.items()
            if not _is_neutral(info.json_schema_extra)
        }


def neutral(default: Any, **kwargs: Any) -> Any:
    """A pydantic field that does not affect a stage's output."""
    return Field(default, json_schema_extra={"affects_output": False}, **kwargs)


def _output_value(value: Any, dumped: Any) -> Any:
    """`dumped`, without the neutral fields of configs inside."""
    if isinstance(value, StageConfig):
        return value.output_fields()
    if isinstance(value, Mapping):
        # by position: JSON turns keys that are numbers into text
        parts = zip(value.values(), dumped.items(), strict=True)
        return {name: _output_value(part, dumped_part) for part, (name, dumped_part) in parts}
    if isinstance(value, tuple | list):
        return [_output_value(part, dumped[place]) for place, part in enumerate(value)]
    return dumped


def _is_neutral(extra: Any) -> bool:
    return isinstance(extra, dict) and extra.get("affects_output") is False


@dataclass(frozen=True)
class Drop:
    """A verdict against one sticker: `reason` names what is wrong (`text_too_long`), with the value measured
    and the limit it broke."""

    reason: str
    value: float | None = None
    limit: float | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Batch:
    """Stickers in catalog order. `media[i]` holds the original bytes of `rows[i]` if the spec reads media."""

    rows: Sequence[Mapping[str, Any]]
    media: Sequence[bytes] = ()

    def __len__(self) -> int:
        return len(self.rows)


C = TypeVar("C", bound=StageConfig)

Columns = Mapping[str, Any]
"""The new columns of one sticker: exactly the names in `StageSpec.writes`."""


class Stage(ABC, Generic[C]):
    """A configured stage. Construction is cheap; models are loaded in `setup`."""

    Config: ClassVar[type[StageConfig]] = StageConfig

    def __init__(self, config: C) -> None:
        self.config = config

    @property
    @abstractmethod
    def spec(self) -> StageSpec: ...

    def model_versions(self) -> dict[str, str]:
        """Names and versions of the models used, known without loading them; part of the stage's identity."""
        return {}

    def packages(self) -> Mapping[str, str]:
        """Module -> dependency group, of the optional packages that the configured stage imports."""
        return {}

    def missing(self) -> list[str]:
        """Requirements besides packages (models, files named in its config) that this machine lacks, as sentences."""
        return []

    def seconds_per_sticker(self) -> float:
        """Rough cost on one core, for `vsd2m plan`."""
        return 0.0


class StickerStage(Stage[C]):
    """Judges or annotates stickers one by one; the outcome for a sticker depends on that sticker alone."""

    def setup(self) -> None:
        """Loads models; called once per worker, before the first `process`, never if there is nothing to do."""

    @abstractmethod
    def process(self, batch: Batch) -> list[Columns | Drop]:
        """One outcome per sticker, in the batch's order."""


@dataclass(frozen=True)
class TableResult:
    """`kept`: `key` and the written columns. `rejects`: columns `key, reason, value, limit, detail`."""

    kept: "pl.DataFrame"
    rejects: "pl.DataFrame"


class TableStage(Stage[C]):
    """A deterministic computation over the columns of all stickers; the result may not depend on partitioning."""

    @abstractmethod
    def process_table(self, table: "pl.DataFrame") -> TableResult:
        """`table` has `key`, `partition` and the columns read, in catalog order."""


@dataclass(frozen=True)
class FileResult:
    """What a `FileStage` wrote for one partition: column rows, rejects, and the relative paths of other files."""

    num_read: int
    kept: Sequence[Columns] = ()
    rejects: Sequence[Mapping[str, Any]] = ()
    files: Sequence[str] = ()
    num_kept: int | None = None  # where the kept things are files rather than rows


@dataclass(frozen=True)
class HostLoad:
    """Requests that a stage will send to a host, at least `delay_s` seconds apart, and how long that takes at least."""

    host: str
    requests: int
    delay_s: float
    seconds: float


class FileStage(Stage[C]):
    """Writes files (tars, pages) through the run's storage; one partition is one unit of work and of commit."""

    folders: ClassVar[tuple[str, ...]] = ()
    """Folders of the run, beside the stage's own, that it writes files to."""

    @abstractmethod
    def num_partitions(self, run: "Run") -> int: ...

    def partitions(self, run: "Run") -> Sequence[int]:
        """The numbers of its partitions, ascending; those of partitions by content have gaps."""
        return range(self.num_partitions(run))

    @abstractmethod
    def input_digest(self, run: "Run", partition: int) -> str:
        """Changes whenever what this partition reads changes."""

    @property
    def num_workers(self) -> int:
        """How many of its partitions may be written at once."""
        return 1

    @contextmanager
    def shared(self, run: "Run", *, host: str) -> Iterator[str | None]:
        """Holds what partitions share while they are written; gives its address for `join`, None if they share nothing.

        Entered once, in the process that runs the plan, around all partitions that are written; what listens there
        listens at `host`.
        """
        yield None

    def host_loads(self, run: "Run", name: str, *, num_stickers: int) -> Sequence[HostLoad]:
        """Its requests to each host, for the stage `name` of the plan; sends none."""
        return ()

    def join(self, address: str | None) -> None:
        """Partitions written from now on share what is at `address`; called in each process that writes some."""

    def has_transient(self, run: "Run", partition: int) -> bool:
        """Whether a finished partition has outcomes that another try may change (`--retry transient`)."""
        return False

    @abstractmethod
    def write_partition(self, run: "Run", partition: int) -> FileResult: ...
