"""The process that draws Lottie documents: started at the first, used again for the next, ended when it hangs.

Request: `lottie_worker.REQUEST` (bytes of the document, width, height, frames, seconds it may take), then the document.
Answer: for each frame the byte 1 and its pixels, premultiplied BGRA; or the byte 0.
"""

import atexit
import os
import select
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import Meter
from vsd2m.media.decoders import lottie_worker

_MAX_DOCUMENTS = 500
"""After so many the process is replaced, whatever rlottie may have kept."""


class RendererError(Exception):
    """The document could not be drawn."""


class _Renderer:
    """A running process. Reading and writing end with a `MediaError` when the meter's time is used up."""

    def __init__(self) -> None:
        command = [sys.executable, "-P", str(Path(lottie_worker.__file__))]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, bufsize=0)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._input, False)
        os.set_blocking(self._output, False)
        self.owner = os.getpid()
        self.num_documents = 0

    def close(self) -> None:
        if self.owner != os.getpid():  # the process belongs to the one that this was forked from
            return
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def draw(self, document: bytes, frames: npt.NDArray[np.uint8], meter: Meter) -> bool:
        """Whether rlottie reads the document, and if so `frames` are drawn. `OSError` if the process ends."""
        num_frames, height, width, _ = frames.shape
        seconds = int(meter.seconds_left()) + 2
        header = lottie_worker.REQUEST.pack(len(document), width, height, num_frames, seconds)
        self.num_documents += 1
        self._write(memoryview(header + document), meter)
        status = bytearray(1)
        for frame in frames:
            self._read(memoryview(status), meter)
            if not status[0]:
                return False
            self._read(memoryview(frame).cast("B"), meter)
        return True

    def _write(self, data: memoryview, meter: Meter) -> None:
        while data:
            if select.select([], [self._input], [], max(0.0, meter.seconds_left()))[1]:
                data = data[os.write(self._input, data[:65536]) :]
            meter.check_time()

    def _read(self, target: memoryview, meter: Meter) -> None:
        while target:
            if select.select([self._output], [], [], max(0.0, meter.seconds_left()))[0]:
                count = os.readv(self._output, [target])
                if count == 0:
                    raise BrokenPipeError
                target = target[count:]
            else:
                meter.check_time()


_lock = threading.Lock()
_renderer: _Renderer | None = None


def render(document: bytes, frames: npt.NDArray[np.uint8], meter: Meter) -> None:
    """Fills `frames` (`[T, H, W, 4]`) with the document's, premultiplied BGRA.

    Raises `RendererError` where it cannot be drawn and `MediaError` `too_slow` where that takes too long.
    """
    with _lock:
        renderer = _running()
        try:
            is_drawn = renderer.draw(document, frames, meter)
        except OSError as error:
            _stop()
            raise RendererError("rlottie crashed, or needs too much memory") from error
        except MediaError:
            _stop()
            raise
    if not is_drawn:
        raise RendererError("rlottie does not read it")


def _running() -> _Renderer:
    global _renderer  # noqa: PLW0603 - one process, used again
    if _renderer is None or _renderer.owner != os.getpid() or _renderer.num_documents >= _MAX_DOCUMENTS:
        _stop()
        _renderer = _Renderer()
    return _renderer


def _stop() -> None:
    global _renderer  # noqa: PLW0603
    if _renderer is not None:
        _renderer.close()
    _renderer = None


atexit.register(_stop)
