"""Decodes files from stdin to stdout; run as a separate process by `process`.

A decoder is a generator: it yields the announced `num_frames`, `width` and `height`, is closed if they exceed the
budget, yields the frames (uint8 `[H, W, 4]`, straight RGBA), and returns the facts about them.

The process ends when its input ends, when its memory is used up, and by the system's timers when one file takes too
long, also if its parent process no longer exists.
"""

import json
import os
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Generator, Mapping
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from vsd2m.core.errors import MediaError

REQUEST = struct.Struct("<IQ")
LENGTH = struct.Struct("<I")
CLAIM, FRAME, FACTS, REJECT, FAULT = b"C", b"F", b"E", b"R", b"X"
ACCEPTED, REFUSED = b"\1", b"\0"
MAX_MEMORY_BYTES = 1536 << 20

DECODERS = {
    "avif": "vsd2m.media.decoders.worker.avif_frames:decode",
    "lottie": "vsd2m.media.decoders.worker.lottie_drawing:decode",
    "svg": "vsd2m.media.decoders.worker.svg_drawing:decode",
    "video": "vsd2m.media.decoders.worker.video_frames:decode",
}

Steps = Generator[dict[str, int] | npt.NDArray[np.uint8], None, dict[str, Any]]


def main() -> None:
    """Serves requests until the input ends."""
    inherited = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = MAX_MEMORY_BYTES if inherited == resource.RLIM_INFINITY else min(inherited, MAX_MEMORY_BYTES)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    os.dup2(2, 1)  # what a library prints must not come between the frames
    while header := source.read(REQUEST.size):
        head_bytes, data_bytes = REQUEST.unpack(header)
        request = json.loads(source.read(head_bytes))
        data = source.read(data_bytes)
        signal.alarm(request["seconds"])
        signal.setitimer(signal.ITIMER_PROF, request["cpu_seconds"])
        _serve(request, data, source, target)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)


def _serve(request: Mapping[str, Any], data: bytes, source: BinaryIO, target: BinaryIO) -> None:
    try:
        module, _, function = DECODERS[request["kind"]].partition(":")
        steps: Steps = getattr(import_module(module), function)(data, **request["options"])
        _send(target, CLAIM, next(steps))
        if source.read(1) == ACCEPTED:
            _send(target, FACTS, _send_frames(steps, target))
    except MediaError as error:
        _send(
            target, REJECT, {"reason": error.reason, "detail": error.detail, "value": error.value, "limit": error.limit}
        )
    except MemoryError:
        _send(target, REJECT, {"reason": "too_many_bytes", "detail": "decoding needs more memory than there is"})
    except Exception:
        _send(target, FAULT, {"traceback": traceback.format_exc(limit=-4)})


def _send_frames(steps: Steps, target: BinaryIO) -> dict[str, Any]:
    while True:
        try:
            frame = next(steps)
        except StopIteration as end:
            facts: dict[str, Any] = end.value
            return facts
        target.write(FRAME)
        target.write(np.ascontiguousarray(frame).data.cast("B"))


def _send(target: BinaryIO, tag: bytes, message: Any) -> None:
    text = json.dumps(message).encode()
    target.write(tag + LENGTH.pack(len(text)) + text)
    target.flush()
