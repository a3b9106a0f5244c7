"""The separate process in which foreign libraries decode: started at the first file, reused for the next, and killed
when it hangs.

Request: `serve.REQUEST` (bytes of the options, bytes of the file), the options as JSON, the file. The messages of the
answer begin with a tag, see `serve`.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Frames
from vsd2m.media.decoders.worker import serve

_MAX_FILES = 500
"""The process is replaced after this many files, since libraries may leak memory."""

_START = """
import json, sys
sys.path = json.loads(sys.argv[1])
from vsd2m.media.decoders.worker.serve import main
main()
"""


class _Worker:
    """A running process. Reading and writing end with a `MediaError` when the meter's time is used up."""

    def __init__(self) -> None:
        command = [sys.executable, "-P", "-c", _START, json.dumps(sys.path)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, bufsize=0)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._input, False)
        os.set_blocking(self._output, False)
        self.owner = os.getpid()
        self.num_files = 0

    def close(self, patience: float = 0) -> int | None:
        """How the process ended, within `patience` seconds by itself: its exit status, or minus the signal's number;
        None in a fork of its owner."""
        if self.owner != os.getpid():
            return None
        try:
            status = self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        return status

    def decode(self, kind: str, data: bytes, options: Mapping[str, Any], meter: Meter) -> tuple[Frames, dict[str, Any]]:
        """The frames and the facts about them. `OSError` if the process ends."""
        self.num_files += 1
        limits = {"cpu_seconds": meter.budget.max_cpu_seconds, "seconds": int(meter.seconds_left()) + 2}
        head = json.dumps({"kind": kind, "options": options, **limits}).encode()
        self._write(memoryview(serve.REQUEST.pack(len(head), len(data)) + head), meter)
        self._write(memoryview(data), meter)
        frames = self._read_claim(meter)
        index = 0
        while (tag := self._read(1, meter)) == serve.FRAME:
            if index == len(frames):
                raise RuntimeError(f"the {kind} worker sends more than the {index} frames that it claimed")
            self._read_into(memoryview(frames[index]).cast("B"), meter)
            index += 1
        facts = self._read_json(tag, meter)
        if index == 0:
            raise MediaError("corrupt", f"the {kind} holds no frame")
        return frames[:index], facts

    def _read_claim(self, meter: Meter) -> Frames:
        """A buffer for the frames that the worker announces, if they are within the budget."""
        claim = self._read_json(self._read(1, meter), meter)
        try:
            frames = meter.allocate(**claim)
        except (MediaError, MemoryError):
            self._write(memoryview(serve.REFUSED), meter)
            raise
        self._write(memoryview(serve.ACCEPTED), meter)
        return frames

    def _read_json(self, tag: bytes, meter: Meter) -> dict[str, Any]:
        (num_bytes,) = serve.LENGTH.unpack(self._read(serve.LENGTH.size, meter))
        message: dict[str, Any] = json.loads(self._read(num_bytes, meter))
        if tag == serve.REJECT:
            raise MediaError(**message)
        if tag == serve.FAULT:
            raise RuntimeError(f"a fault of the decoding process, not of the file: {message['traceback']}")
        return message

    def _write(self, data: memoryview, meter: Meter) -> None:
        while data:
            if select.select([], [self._input], [], max(0.0, meter.seconds_left()))[1]:
                data = data[os.write(self._input, data[:65536]) :]
            meter.check_time()

    def _read(self, num_bytes: int, meter: Meter) -> bytes:
        target = bytearray(num_bytes)
        self._read_into(memoryview(target), meter)
        return bytes(target)

    def _read_into(self, target: memoryview, meter: Meter) -> None:
        while target:
            if select.select([self._output], [], [], max(0.0, meter.seconds_left()))[0]:
                count = os.readv(self._output, [target])
                if count == 0:
                    raise BrokenPipeError
                target = target[count:]
            else:
                meter.check_time()


_lock = threading.Lock()
_worker: _Worker | None = None


def decode_in_process(
    kind: str, data: bytes, options: Mapping[str, Any], meter: Meter
) -> tuple[Frames, dict[str, Any]]:
    """Frames (`[T, H, W, 4]`) and facts that the decoder `kind` of `serve.DECODERS` makes of `data`.

    Raises the decoder's `MediaError`; `too_slow` where the time or the processor time is used up; `corrupt` where
    the process crashes.
    """
    with _lock:
        worker = _running()
        is_in_step = False
        try:
            answer = worker.decode(kind, data, options, meter)
            is_in_step = True
        except MediaError as error:
            is_in_step = error.reason != "too_slow"
            raise
        except OSError as error:
            raise _how_it_ended(_stop(patience=1), kind, meter) from error
        finally:
            if not is_in_step:
                _stop()
    return answer


def _how_it_ended(status: int | None, kind: str, meter: Meter) -> MediaError:
    if status == -signal.SIGPROF:
        limit = meter.budget.max_cpu_seconds
        detail = f"the {kind} is not decoded after {limit:g} s of processor time"
        return MediaError("too_slow", detail, value=limit, limit=limit)
    return MediaError("corrupt", f"the {kind} decoder crashed, or needs too much memory (exit status {status})")


def _running() -> _Worker:
    global _worker  # noqa: PLW0603 - one process, reused
    if _worker is None or _worker.owner != os.getpid() or _worker.num_files >= _MAX_FILES:
        _stop()
        _worker = _Worker()
    return _worker


def _stop(patience: float = 0) -> int | None:
    global _worker  # noqa: PLW0603
    status = _worker.close(patience) if _worker is not None else None
    _worker = None
    return status


atexit.register(_stop)
