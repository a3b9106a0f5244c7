"""Sticker stages in a separate process, so that no sticker can block or end a runner.

If a batch exceeds its time limit, its process is stopped, even inside native code, which nothing else can
interrupt; likewise if its process uses more memory than it may. After that, or if the process ends by itself, the
runner repeats the batch sticker by sticker. A process that has computed many batches, or has grown, is replaced.
"""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from vsd2m.core.errors import StageError
from vsd2m.core.process_memory import resident_bytes
from vsd2m.core.stage import Batch, Columns, Drop
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.execute import Failure
from vsd2m.pipelines.engine.plan import PlannedStage
from vsd2m.pipelines.engine.stage_child import Open, Process, Raised

WALL_FACTOR = 4  # wall-clock limit as a multiple of the CPU limit, for stages that wait instead of computing
COST_FACTOR = 10  # a sticker may take this multiple of the declared time before its batch is too slow
MAX_DEATHS = 2  # of the process on a single sticker: once may be lack of memory, twice is the sticker
SETUP_SECONDS = 3600.0
MEMORY_CHECK_SECONDS = 0.1
GB = 10**9
END_SECONDS = 10.0


@dataclass(frozen=True)
class TimeLimit:
    """Limits of a batch: CPU time, which does not depend on other work on the machine, and wall-clock time."""

    cpu_seconds: float
    wall_seconds: float


def time_limit(planned: PlannedStage, seconds: float, *, num_stickers: int) -> TimeLimit:
    """`seconds` per core for one sticker; each further one adds a multiple of its declared cost."""
    extra_seconds = min(seconds, max(1.0, COST_FACTOR * planned.stage.seconds_per_sticker()))
    total_seconds = seconds + (num_stickers - 1) * extra_seconds
    return TimeLimit(total_seconds * planned.stage.spec.resources.num_cpus, total_seconds * WALL_FACTOR)


@dataclass(frozen=True)
class _ProcessEnd:
    """The process has ended: with its exit code, or because it did not reply in time (None), or grew too large."""

    code: int | None
    is_too_large: bool = False


class StageProcess:
    """One sticker stage at a time, in a child process that is started when there is something to compute."""

    def __init__(self, config: PipelineConfig) -> None:
        self._config = config
        self._child: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._stage: str | None = None  # the one that the process has loaded
        self._is_busy = False
        self._is_aborted = False
        self._num_batches = 0  # of the process that runs now
        self._first_bytes = 0  # its memory after the first batch

    def __enter__(self) -> "StageProcess":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def process(self, planned: PlannedStage, batch: Batch) -> Sequence[Columns | Drop] | Failure:
        """The outcomes of the batch, or one `Failure` for all of it; an error that no sticker caused is raised."""
        limit = time_limit(planned, self._config.time_limit_s, num_stickers=len(batch))
        deaths = 0
        while True:
            if self._is_aborted:
                raise StageError(f"stage {planned.name} was stopped")
            self._open(planned)
            answer = self._ask(Process(batch, limit.cpu_seconds), limit.wall_seconds)
            if not isinstance(answer, _ProcessEnd):
                self._recycle()
                outcomes: Sequence[Columns | Drop] | Failure = answer
                return outcomes
            if answer.is_too_large:
                return _too_large(self._config.memory_limit_gb)
            if answer.code is None:
                return _timed_out(limit.wall_seconds, "of wall-clock time")
            if answer.code == -signal.SIGPROF:
                return _timed_out(limit.cpu_seconds, "of CPU time")
            deaths += 1
            if deaths == MAX_DEATHS or len(batch) > 1:
                return Failure("worker_died", f"the worker process died on this sticker: {_reason(answer.code)}")

    def close(self) -> None:
        """Ends the process: gracefully if it is idle, otherwise at once."""
        if self._pipe is not None:
            self._pipe.close()
            self._end(0 if self._is_busy else END_SECONDS)

    def abort(self) -> None:
        """Ends the process from another thread; the call that waits for it, and later ones, raise `StageError`."""
        self._is_aborted = True
        if (child := self._child) is not None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

    def _open(self, planned: PlannedStage) -> None:
        if self._child is not None and self._stage == planned.name:
            return
        if self._child is None:
            self._start()
        self._stage = None
        answer = self._ask(Open(self._config, planned.name), SETUP_SECONDS)
        if isinstance(answer, _ProcessEnd):
            cause = self._setup_end(answer)
            raise StageError(f"stage {planned.name} could not load its models: its process ended: {cause}")
        self._stage = planned.name

    def _setup_end(self, end: _ProcessEnd) -> str:
        if end.is_too_large:
            return f"it used more than memory_limit_gb: {self._config.memory_limit_gb:g}"
        return f"took more than {SETUP_SECONDS:g} s" if end.code is None else _reason(end.code)

    def _recycle(self) -> None:
        """Ends the process if it has done enough, or has grown too much; the next batch starts a new one."""
        assert self._child is not None and self._pipe is not None
        self._num_batches += 1
        num_bytes = resident_bytes(self._child.pid)
        if self._num_batches == 1:
            self._first_bytes = num_bytes
        growth = num_bytes - self._first_bytes
        if self._num_batches >= self._config.recycle_after_batches or growth > self._config.recycle_growth_gb * GB:
            self._pipe.close()
            self._end(END_SECONDS)

    def _start(self) -> None:
        self._num_batches = 0
        ours, theirs = Pipe()
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from vsd2m.pipelines.engine.stage_child import main; main({theirs.fileno()})"
        )
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the runner; processes started by the stage end with it
            )
        self._pipe = ours

    def _ask(self, request: Open | Process, seconds: float) -> Any:
        """The child's reply within `seconds`, or `_ProcessEnd` without one. Errors of the child are raised here."""
        assert self._pipe is not None
        self._is_busy = True
        try:
            self._pipe.send_bytes(pickle.dumps(request))
            if (end := self._wait(seconds)) is not None:
                self._end(0)
                return end
            answer = pickle.loads(self._pipe.recv_bytes())
        except (EOFError, ConnectionError):
            return _ProcessEnd(self._end(END_SECONDS))
        self._is_busy = False
        if isinstance(answer, Raised):
            raise answer.error
        return answer

    def _wait(self, seconds: float) -> _ProcessEnd | None:
        """None when the child has replied or ended; otherwise why it is to be ended."""
        assert self._child is not None and self._pipe is not None
        limit_gb = self._config.memory_limit_gb
        if limit_gb is None:
            return None if self._pipe.poll(seconds) else _ProcessEnd(None)
        deadline = time.monotonic() + seconds
        while not self._pipe.poll(MEMORY_CHECK_SECONDS):
            if resident_bytes(self._child.pid) > limit_gb * GB:
                return _ProcessEnd(None, is_too_large=True)
            if time.monotonic() > deadline:
                return _ProcessEnd(None)
        return None

    def _end(self, patience: float) -> int:
        """Gives the child `patience` seconds to end, then kills it and its child processes; its exit code."""
        assert self._child is not None and self._pipe is not None
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(patience)
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        code = self._child.wait()
        self._pipe.close()
        self._child = self._pipe = self._stage = None
        return code


def _timed_out(seconds: float, kind: str) -> Failure:
    """The value is the limit: the real time is unknown, and both runners must write the same value."""
    return Failure("timed_out", f"not finished after {seconds:g} s {kind}", value=seconds, limit=seconds)


def _too_large(limit_gb: float | None) -> Failure:
    """As with time, the value is the limit."""
    return Failure("out_of_memory", f"used more than {limit_gb:g} GB of memory", value=limit_gb, limit=limit_gb)


def _reason(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"killed by {name}" + (", perhaps because of insufficient memory" if name == "SIGKILL" else "")
