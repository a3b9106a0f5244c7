"""The process that a sticker stage runs in: loads the stage, computes batch after batch, replies through a pipe.

Failures in here (native code that never returns, a crash, memory) affect only this process;
`vsd2m.pipelines.engine.stage_process` is the other end.
"""

import ctypes
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from vsd2m.core.errors import MediaError, StageError, Vsd2mError
from vsd2m.core.stage import Batch, Columns, Drop, StickerStage
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.execute import Failure
from vsd2m.pipelines.engine.plan import make_plan

_PR_SET_PDEATHSIG = 1  # of Linux's prctl


@dataclass(frozen=True)
class Open:
    """A request to construct a stage and load its models."""

    config: PipelineConfig
    stage: str


@dataclass(frozen=True)
class Process:
    """A request to compute a batch of the open stage in at most `cpu_seconds`."""

    batch: Batch
    cpu_seconds: float


@dataclass(frozen=True)
class Raised:
    """The reply if an error was raised that no sticker caused."""

    error: BaseException


def main(descriptor: int) -> None:
    """Answers the requests that arrive at the pipe until it is closed."""
    end_with_parent()
    os.dup2(2, 1)  # output of libraries must not mix with the parent's results
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    pipe = Connection(descriptor)
    stage: StickerStage[Any] | None = None
    while (request := _receive(pipe)) is not None:
        answer: Any = None
        try:
            if isinstance(request, Open):
                stage = None  # frees the models of the previous stage
                stage = _open_stage(request)
            else:
                assert stage is not None
                answer = _attempt(stage, request)
        except Exception as error:
            answer = Raised(error)
        pipe.send_bytes(_pickle(answer))


def _receive(pipe: Connection) -> Open | Process | None:
    try:
        request: Open | Process = pickle.loads(pipe.recv_bytes())
    except (EOFError, ConnectionError):
        return None
    return request


def _open_stage(request: Open) -> StickerStage[Any]:
    stage = make_plan(request.config).stage(request.stage).stage
    assert isinstance(stage, StickerStage)
    stage.setup()
    return stage


def _attempt(stage: StickerStage[Any], request: Process) -> Sequence[Columns | Drop] | Failure:
    """The batch's outcomes, or one failure for all of it.

    The kernel stops this process when the batch has used up its CPU time.
    """
    signal.setitimer(signal.ITIMER_PROF, request.cpu_seconds)
    try:
        return stage.process(request.batch)
    except Exception as error:
        if isinstance(error, Vsd2mError) and not isinstance(error, MediaError):
            raise  # a missing model or a full disk is not caused by a sticker
        if isinstance(error, MemoryError):
            return Failure("out_of_memory", "Python could not get the memory that it asked for")
        return Failure(type(error).__name__, "".join(traceback.format_exception(error, limit=-3)).strip())
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _pickle(answer: Any) -> bytes:
    """The reply, or a description of a reply that cannot be pickled."""
    try:
        data = pickle.dumps(answer)
        pickle.loads(data)  # an exception with custom arguments may be pickled but not unpickled
        return data
    except Exception as error:
        if isinstance(answer, Raised):
            text = "".join(traceback.format_exception(answer.error)).strip()
            return pickle.dumps(Raised(StageError(text)))
        return pickle.dumps(Raised(StageError(f"the stage's outcomes cannot be sent to the runner: {error}")))


def end_with_parent() -> None:
    """Lets the kernel end this process with the thread that started it.

    A parent that is killed cannot close the pipe of a child that does not read it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
