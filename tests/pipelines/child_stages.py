"""Stages that misbehave in the process they run in."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vsd2m.core.errors import EngineError, MediaError
from vsd2m.core.stage import Batch, Columns, Drop, StageConfig, StageSpec, StickerStage


class ChildConfig(StageConfig):
    does: str = "nothing"
    note: str = ""  # a file to write to


class TwoArgumentsError(Exception):
    """Can be pickled and not be unpickled."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def start_another(note: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(note).write_text(str(process.pid))


def burn(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def raises(error: Exception) -> Callable[[Batch], Any]:
    def process(batch: Batch) -> Any:
        raise error

    return process


PROCESS: dict[str, Callable[[Batch], Any]] = {
    "engine error": raises(EngineError("no server")),
    "media error": raises(MediaError("truncated", "ends early")),
    "two arguments": raises(TwoArgumentsError("one", "two")),
    "engine error of two arguments": raises(type("OfTwo", (TwoArgumentsError, EngineError), {})("one", "two")),
    "function": lambda batch: [{"caption": lambda: None} for _ in batch.rows],
}


class Child(StickerStage[ChildConfig]):
    Config = ChildConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec("child", 1, (), ("caption",))

    def setup(self) -> None:
        if self.config.does == "start another":
            start_another(self.config.note)
        if self.config.does == "burn in setup":
            burn(1.5)

    def process(self, batch: Batch) -> list[Columns | Drop]:
        if self.config.does in PROCESS:
            return PROCESS[self.config.does](batch)
        if self.config.does in ("loop", "sleep"):
            if self.config.note:
                Path(self.config.note).write_text(str(os.getpid()))
            burn(600) if self.config.does == "loop" else time.sleep(600)
        if self.config.does == "die" or (self.config.does == "die once" and not Path(self.config.note).exists()):
            if self.config.note:
                Path(self.config.note).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return [{"caption": "done"} for _ in batch.rows]
