"""Draws Lottie documents from stdin to stdout; run as a script by `lottie_renderer`, which describes both.

It must not outlive its usefulness: it ends with its input, when its memory is used up, and by the system's alarm when
one document takes too long, even where nobody is left to end it.
"""

import resource
import signal
import struct
import sys
from typing import BinaryIO

REQUEST = struct.Struct("<QIIII")
MAX_MEMORY_BYTES = 1536 << 20


def main() -> None:
    """Serves requests until the input ends."""
    inherited = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = MAX_MEMORY_BYTES if inherited == resource.RLIM_INFINITY else min(inherited, MAX_MEMORY_BYTES)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while header := sys.stdin.buffer.read(REQUEST.size):
        num_bytes, width, height, num_frames, seconds = REQUEST.unpack(header)
        document = sys.stdin.buffer.read(num_bytes)
        signal.alarm(seconds)
        _draw(document.decode(), width, height, num_frames, sys.stdout.buffer)
        signal.alarm(0)


def _draw(document: str, width: int, height: int, num_frames: int, output: BinaryIO) -> None:
    from rlottie_python.rlottie_wrapper import LottieAnimation

    animation = LottieAnimation.from_data(document)
    if tuple(animation.lottie_animation_get_size()) != (width, height):  # (0, 0) where rlottie refuses the document
        output.write(b"\0")
    else:
        for index in range(num_frames):
            output.write(b"\1" + animation.lottie_animation_render(index, width=width, height=height))
    output.flush()


if __name__ == "__main__":
    main()
