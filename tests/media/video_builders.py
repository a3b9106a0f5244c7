"""Videos and AVIFs made of given frames, by PyAV's encoders and Pillow's."""

import io
from fractions import Fraction

import av
import numpy as np
from PIL import Image

LOSSLESS = {
    "libvpx-vp9": {"lossless": "1"},
    "libvpx": {"crf": "4", "b": "5M"},
    "libx264": {"qp": "0"},
    "libsvtav1": {"crf": "1"},
}


def plane_frame(planes, pix_fmt):
    """A frame of exactly these planes (`[H, W]` each)."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pix_fmt)
    for plane, pixels in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : plane.width] = pixels
        plane.update(rows.tobytes())
    return frame


def rgba_frames(pixels, pix_fmt):
    return [av.VideoFrame.from_ndarray(frame, format="rgba").reformat(format=pix_fmt) for frame in pixels]


def video(
    frames, *, container="webm", codec="libvpx-vp9", durations_ms=None, aspect=None, rotation=0, sound=False, **options
):
    """The bytes of a video of `av.VideoFrame`s, each shown as long as it says (40 ms)."""
    file = io.BytesIO()
    durations = durations_ms or [40] * len(frames)
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=25, options={**LOSSLESS.get(codec, {}), **options})
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, frames[0].format.name
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if aspect:
            stream.codec_context.sample_aspect_ratio = Fraction(aspect)
        if rotation:
            stream.set_display_rotation(rotation)
        if sound:
            output.add_stream("libopus", rate=48000)
        start = 0
        for frame, duration in zip(frames, durations, strict=True):
            frame.pts, frame.time_base, frame.duration = start, Fraction(1, 1000), duration
            start += duration
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return file.getvalue()


def avif(frames, durations_ms=100, *, lossless=True, **options):
    """The bytes of an AVIF of RGBA frames."""
    file = io.BytesIO()
    first, *rest = [Image.fromarray(np.ascontiguousarray(frame)) for frame in frames]
    how = {"quality": 100, "subsampling": "4:4:4"} if lossless else {}
    first.save(file, "AVIF", save_all=bool(rest), append_images=rest, duration=durations_ms, **how, **options)
    return file.getvalue()
