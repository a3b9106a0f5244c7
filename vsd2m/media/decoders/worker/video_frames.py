"""The frames of a WebM or MP4, by FFmpeg's libraries (PyAV).

VP8 and VP9 go to libvpx by name: FFmpeg's own decoders drop the alpha that WebM keeps in a BlockAdditional.
"""

import io
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import check_num_pixels
from vsd2m.media.clip import clear_hidden
from vsd2m.media.decoders.worker.serve import Steps

_LIBVPX = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_CODECS = (*_LIBVPX, "h264", "av1")
_DEMUXERS = {"webm": "matroska", "mp4": "mov"}

_MARGIN_PIXELS = 1 << 16
"""Decoders work in whole blocks, at least one of them."""

_HD_HEIGHT = 720
_BT709, _BT601 = 1, 5  # AVCOL_SPC_..., as in ITU-T H.273
_UNSTATED = (2, 0)


def decode(data: bytes, *, container: str, max_pixels: int) -> Steps:
    """The frames as a browser shows them: turned, in square pixels, all in the size of the first.

    Facts: `times`, start and duration of each (0 where the container gives none), in units of `seconds` (a fraction).
    """
    import av

    try:
        with av.open(io.BytesIO(data), format=_DEMUXERS[container], metadata_errors="ignore") as file:
            stream = _video(file, container, max_pixels)
            packets = [packet for packet in file.demux(stream) if packet.size]
            if any(packet.is_corrupt for packet in packets):
                raise MediaError("truncated", f"the {container} ends before a frame of its index does")
            decoder = _decoder(stream, max_pixels)
            frames = (frame for packet in [*packets, None] for frame in decoder.decode(packet))
            first = next(frames, None)
            if first is None:
                raise MediaError("corrupt", f"the {container} holds no frame")
            picture = _Picture(stream, first)
            yield {"num_frames": len(packets), "width": picture.shown_size[0], "height": picture.shown_size[1]}
            times = [(first.pts, first.duration or 0)]
            yield picture.pixels(first)
            for frame in frames:
                times.append((frame.pts, frame.duration or 0))
                yield picture.pixels(frame)
            return {"times": times, "seconds": [stream.time_base.numerator, stream.time_base.denominator]}
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError("corrupt", f"the {container} cannot be decoded ({error})") from error


def _video(file: Any, container: str, max_pixels: int) -> Any:
    if not file.streams.video:
        raise MediaError("unsupported_format", f"the {container} holds no video")
    stream = file.streams.video[0]
    codec = "an unknown codec" if stream.codec_context is None else stream.codec_context.codec.canonical_name
    if codec not in _CODECS:
        raise MediaError("unsupported_format", f"{codec} in {container} is not decoded; {', '.join(_CODECS)} are")
    check_num_pixels(stream.codec_context.width, stream.codec_context.height, max_pixels)
    return stream


def _decoder(stream: Any, max_pixels: int) -> Any:
    """A decoder, on one thread, that refuses much larger frames before it makes room for them."""
    import av

    context = stream.codec_context
    if context.codec.canonical_name in _LIBVPX:
        decoder = av.CodecContext.create(_LIBVPX[context.codec.canonical_name], "r")
        decoder.extradata = context.extradata
    else:
        decoder = context
    decoder.options = {"max_pixels": str(2 * max_pixels + _MARGIN_PIXELS)}
    decoder.thread_count = 1
    return decoder


class _Picture:
    """Turns frames into pixels in the way the first one asks for."""

    def __init__(self, stream: Any, first: Any) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()
        self._colorspace_of_container = int(stream.codec_context.colorspace)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        width, height = first.width, first.height
        if aspect > 1:
            width = round(width * aspect)
        elif 0 < aspect < 1:
            height = round(height / aspect)
        self._size = (width, height)
        self._quarter_turns = round(first.rotation / 90) % 4
        self.shown_size = (height, width) if self._quarter_turns % 2 else (width, height)

    def pixels(self, frame: Any) -> npt.NDArray[np.uint8]:
        """Straight RGBA, `[H, W, 4]`."""
        from av.video.reformatter import Interpolation

        exact = Interpolation.ACCURATE_RND | Interpolation.BITEXACT | Interpolation.FULL_CHR_H_INT  # on every processor
        converted = self._reformatter.reformat(
            frame, *self._size, format="rgba", interpolation=Interpolation.BICUBIC | exact, threads=1,
            src_colorspace=self._matrix(frame),
        )  # fmt: skip
        upright: Any = converted.to_ndarray()
        pixels: npt.NDArray[np.uint8] = np.rot90(upright, self._quarter_turns).copy()
        clear_hidden(pixels)
        return pixels

    def _matrix(self, frame: Any) -> int:
        """What the frame says, else the container, else what browsers assume: BT.709 for HD, BT.601 below."""
        for stated in (int(frame.colorspace), self._colorspace_of_container):
            if stated not in _UNSTATED:
                return stated
        return _BT709 if frame.height >= _HD_HEIGHT else _BT601
