"""The frames of an AVIF, still or animated, by libavif, which is Pillow's."""

import numpy as np
from PIL import Image, _avif

from vsd2m.core.errors import MediaError
from vsd2m.media.clip import clear_hidden
from vsd2m.media.decoders.turns import TURNS
from vsd2m.media.decoders.worker.serve import Steps

_ONE_THREAD = 1


def decode(data: bytes) -> Steps:
    """Frames, turned as the file says.

    Facts: `times`, start and duration of each, in units of `seconds` (a fraction).
    """
    try:
        decoder = _avif.AvifDecoder(data, "auto", _ONE_THREAD)
        (width, height), num_frames, mode, *_, orientation, _ = decoder.get_info()
        turn = TURNS.get(orientation)
        size = (height, width) if orientation in (5, 6, 7, 8) else (width, height)
        yield {"num_frames": num_frames, "width": size[0], "height": size[1]}
        times = []
        for index in range(num_frames):
            pixels, timescale, start, duration = decoder.get_frame(index)
            image = Image.frombytes(mode, (width, height), pixels)
            frame = np.array((image if turn is None else image.transpose(turn)).convert("RGBA"))
            clear_hidden(frame)
            times.append((start, duration))
            yield frame
    except (OSError, ValueError, SyntaxError, RuntimeError) as error:
        raise MediaError("corrupt", f"the AVIF cannot be decoded ({error})") from error
    return {"times": times, "seconds": [1, timescale]}
