"""Small real stages for the runners' tests: numbers instead of pictures, the contract unchanged."""

import ctypes
import functools
import itertools
import os
import signal
import threading
import time
from pathlib import Path

import polars as pl
from pydantic import Field

from vsd2m.core.commit import digest
from vsd2m.core.keys import sticker_key
from vsd2m.core.run import Run
from vsd2m.core.stage import (
    Batch,
    Columns,
    Drop,
    FileResult,
    FileStage,
    Resources,
    StageConfig,
    StageSpec,
    StickerStage,
    TableResult,
    TableStage,
    neutral,
)


class SourceConfig(StageConfig):
    num_stickers: int = 40
    num_partitions: int = 2
    num_workers: int = neutral(1)  # above 1, that many partitions wait for each other while they are written


@functools.cache
def _meeting(num_workers: int) -> threading.Barrier:
    return threading.Barrier(num_workers)


class Source(FileStage[SourceConfig]):
    """Numbers as stickers; the media is the number in digits, all in one file per partition."""

    Config = SourceConfig
    folders = ("blobs",)

    @property
    def num_workers(self) -> int:
        return self.config.num_workers

    @property
    def spec(self) -> StageSpec:
        return StageSpec("source", 1, (), ("url", "media_tar", "media_offset", "num_bytes", "trigger_word"))

    def num_partitions(self, run: Run) -> int:
        return self.config.num_partitions

    def input_digest(self, run: Run, partition: int) -> str:
        return digest([partition])

    def write_partition(self, run: Run, partition: int) -> FileResult:
        _meeting(self.config.num_workers).wait(timeout=60)
        numbers = range(partition, self.config.num_stickers, self.config.num_partitions)
        blobs = [str(number).encode() for number in numbers]
        path = f"blobs/media-{partition}.bin"
        run.store.write_bytes(path, b"".join(blobs))
        rows, offset = [], 0
        for number, blob in zip(numbers, blobs, strict=True):
            place = {"media_tar": path, "media_offset": offset, "num_bytes": len(blob)}
            rows.append({"key": sticker_key(blob), "url": f"memory://{number}", "trigger_word": "number", **place})
            offset += len(blob)
        gone = {"key": None, "outcome": "dropped", "reason": "http_error", "url": f"memory://gone-{partition}"}
        return FileResult(num_read=len(rows) + 1, kept=rows, rejects=[gone], files=[path])


class Catalog(TableStage[StageConfig]):
    @property
    def spec(self) -> StageSpec:
        return StageSpec("catalog", 1, ("url", "media_tar", "media_offset", "num_bytes"), ("urls", *_MEDIA))

    def process_table(self, table: pl.DataFrame) -> TableResult:
        kept = table.with_columns(urls=pl.concat_list("url")).select("key", "urls", *_MEDIA)
        return TableResult(kept, pl.DataFrame(schema=_REJECTS))


_MEDIA = ("media_tar", "media_offset", "num_bytes")
_REJECTS = {"key": pl.String, "reason": pl.String, "value": pl.Float64, "limit": pl.Float64, "detail": pl.String}


class MeasureConfig(StageConfig):
    calls: str = ""  # a file that gets a line per processed sticker
    raise_on: int = -1
    die_on: int = -1
    bad: dict[int, str] = Field(default_factory=dict)  # number -> which of BAD it does
    meet: str = ""  # a folder in which workers of two machines wait for each other
    lose_column: bool = False
    wait_for: str = ""  # a file without which it waits
    odd_wait_for: str = ""  # a file without which odd numbers wait, which come last; `TimeoutError` after a minute
    batch_size: int = 7
    num_cpus: int = 1
    leak: int = 0  # bytes per batch
    processes: str = ""  # a folder in which each process leaves a file


_LEAKED = []
BAD = {
    "loop": lambda: next(number for number in itertools.count() if number < 0),
    "loop in native code": lambda: sum(itertools.repeat(0)),  # Python cannot interrupt it
    "sleep in native code": lambda: ctypes.PyDLL(None).sleep(1_000_000),  # and no other thread can run
    "eat memory": lambda: [bytearray(b"x" * 10_000_000) for _ in range(300)],
    "ask for too much": lambda: bytearray(1 << 60),
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
}


class Measure(StickerStage[MeasureConfig]):
    """Reads the number back from the media and squares it."""

    Config = MeasureConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec(
            "measure",
            1,
            (),
            ("width", "entropy"),
            reads_media=True,
            batch_size=self.config.batch_size,
            resources=Resources(num_cpus=self.config.num_cpus),
        )

    def process(self, batch: Batch) -> list[Columns | Drop]:
        if self.config.processes:
            (Path(self.config.processes) / str(os.getpid())).touch()
        _LEAKED.append(bytearray(b"x" * self.config.leak))
        if self.config.meet:
            meet(Path(self.config.meet))
        return [self._one(int(media)) for media in batch.media]

    def _one(self, number: int) -> Columns:
        while self.config.wait_for and not os.path.exists(self.config.wait_for):
            time.sleep(0.02)
        if self.config.odd_wait_for and number % 2:
            wait_for_file(Path(self.config.odd_wait_for))
        if self.config.calls:
            with open(self.config.calls, "a") as file:
                file.write(f"{number}\n")
        if number == self.config.raise_on:
            raise ValueError(f"cannot take {number}")
        if number == self.config.die_on:
            os._exit(9)
        if number in self.config.bad:
            BAD[self.config.bad[number]]()
        return {"width": number} if self.config.lose_column else {"width": number, "entropy": number**2 / 7}


def wait_for_file(path: Path) -> None:
    for _ in range(1200):
        if path.exists():
            return
        time.sleep(0.05)
    raise TimeoutError(f"no {path}")


def meet(folder: Path) -> None:
    """Returns when workers of two of Ray's machines have been here; `TimeoutError` if none joins in half a minute."""
    folder.mkdir(exist_ok=True)
    (folder / os.environ["RAY_RAYLET_PID"]).touch()
    for _ in range(300):
        if len(list(folder.iterdir())) > 1:
            return
        time.sleep(0.1)
    raise TimeoutError("nobody came")


class LimitConfig(StageConfig):
    max_width: int = 1000


class Limit(StickerStage[LimitConfig]):
    Config = LimitConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec("limit", 1, ("width",), ())

    def process(self, batch: Batch) -> list[Columns | Drop]:
        limit = self.config.max_width
        return [Drop("too_wide", row["width"], limit) if row["width"] > limit else {} for row in batch.rows]


class Group(TableStage[StageConfig]):
    """Odd numbers are dropped as duplicates of nothing."""

    @property
    def spec(self) -> StageSpec:
        return StageSpec("group", 1, ("width",), ("duplicate_group_size",))

    def process_table(self, table: pl.DataFrame) -> TableResult:
        odd = pl.col("width") % 2 == 1
        kept = table.filter(~odd).select("key", duplicate_group_size=pl.lit(1, pl.Int32))
        rejects = table.filter(odd).select(
            "key", reason=pl.lit("odd"), value=pl.col("width").cast(pl.Float64), limit=pl.lit(None, pl.Float64),
            detail=pl.lit(None, pl.String),
        )  # fmt: skip
        return TableResult(kept, rejects)


class Label(StickerStage[StageConfig]):
    @property
    def spec(self) -> StageSpec:
        return StageSpec("label", 1, ("width", "duplicate_group_size"), ("caption",))

    def process(self, batch: Batch) -> list[Columns | Drop]:
        return [{"caption": f"number {row['width']}"} for row in batch.rows]


class AnnounceConfig(StageConfig):
    path: str
    num_gpus: float = 0


class Announce(StickerStage[AnnounceConfig]):
    """Touches a file."""

    Config = AnnounceConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec("announce", 1, ("width",), ("caption",), resources=Resources(num_gpus=self.config.num_gpus))

    def process(self, batch: Batch) -> list[Columns | Drop]:
        Path(self.config.path).touch()
        return [{"caption": f"number {row['width']}"} for row in batch.rows]


class Relabel(StickerStage[StageConfig]):
    """Writes a column again that an earlier stage wrote."""

    @property
    def spec(self) -> StageSpec:
        return StageSpec("relabel", 1, ("caption",), ("caption",))

    def process(self, batch: Batch) -> list[Columns | Drop]:
        return [{"caption": row["caption"].upper()} for row in batch.rows]


class DiesInSetup(Label):
    def setup(self) -> None:
        os._exit(3)


class Talks(Label):
    def setup(self) -> None:
        print("a library was loaded", flush=True)
