"""The picture of an SVG, drawn by resvg."""

import io

import numpy as np

from vsd2m.core.errors import MediaError
from vsd2m.media.clip import clear_hidden
from vsd2m.media.decoders.worker.serve import Steps


def decode(data: bytes, *, width: int, height: int) -> Steps:
    """One frame. No facts."""
    import resvg_py
    from PIL import Image

    yield {"num_frames": 1, "width": width, "height": height}
    try:
        png = resvg_py.svg_to_bytes(svg_string=data.decode(), skip_system_fonts=True, width=width, height=height)
    except ValueError as error:
        raise MediaError("corrupt", f"the SVG cannot be drawn ({error})") from error
    frame = np.array(Image.open(io.BytesIO(bytes(png))).convert("RGBA"))
    if frame.shape != (height, width, 4):
        raise MediaError("corrupt", f"the SVG is drawn in {frame.shape[1]}x{frame.shape[0]}, not {width}x{height}")
    clear_hidden(frame)
    yield frame
    return {}
