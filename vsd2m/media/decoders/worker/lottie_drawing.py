"""The frames of a Lottie document, drawn by thorvg."""

import numpy as np

from vsd2m.core.errors import MediaError
from vsd2m.media.decoders.premultiplied import to_straight_rgba
from vsd2m.media.decoders.worker.serve import Steps


def decode(data: bytes, *, width: int, height: int, num_frames: int) -> Steps:
    """One frame for each of the document's, at its first moment. No facts."""
    import thorvg_python as thorvg

    yield {"num_frames": num_frames, "width": width, "height": height}
    engine = thorvg.Engine(threads=0)
    canvas = thorvg.SwCanvas(engine)
    canvas.set_target(width, height, cs=thorvg.Colorspace.ARGB8888)
    animation = thorvg.LottieAnimation(engine)
    picture = animation.get_picture()
    result = picture.load_data(data, "lottie+json", None, True)
    if result != thorvg.Result.SUCCESS:
        raise MediaError("corrupt", f"the Lottie cannot be drawn (thorvg: {result.name})")
    picture.set_size(width, height)
    canvas.add(picture)
    assert canvas.buffer_arr is not None
    pixels = np.frombuffer(canvas.buffer_arr, np.uint8).reshape(height, width, 4)
    for index in range(num_frames):
        animation.set_frame(index)
        canvas.update()
        canvas.draw(True)
        canvas.sync()
        frame = pixels.copy()
        to_straight_rgba(frame)
        yield frame
    canvas.destroy()
    return {}
