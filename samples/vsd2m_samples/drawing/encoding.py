"""Frames to files, as sticker sites store them: GIF with one palette, APNG, WebP with or without loss, stills."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

SUFFIXES = {"gif": ".gif", "apng": ".png", "webp": ".webp", "webp_lossy": ".webp", "png": ".png", "jpeg": ".jpg"}
_TRANSPARENT = 255


def encode_frames(frames: npt.NDArray[np.uint8], durations_ms: list[int], encoding: str, *, quality: int = 82) -> bytes:
    """The file of `frames` (RGBA `[T, H, W, 4]`) in one of the `SUFFIXES`; stills take the first frame."""
    pictures = [Image.fromarray(frame) for frame in frames]
    if encoding == "gif":
        return _gif(pictures, durations_ms)
    if encoding == "jpeg":
        return _saved(_on_white(pictures[0]), "JPEG", quality=quality)
    if encoding == "png":
        return _saved(pictures[0], "PNG")
    if encoding == "apng":
        return _saved(
            pictures[0],
            "PNG",
            save_all=True,
            append_images=pictures[1:],
            duration=durations_ms,
            loop=0,
            compress_level=4,
        )
    lossless = encoding == "webp"
    options = {"lossless": lossless, "quality": 0 if lossless else quality, "method": 0, "minimize_size": False}
    if len(pictures) == 1:
        return _saved(pictures[0], "WEBP", **options)
    return _saved(
        pictures[0], "WEBP", save_all=True, append_images=pictures[1:], duration=durations_ms, loop=0, **options
    )


def _gif(pictures: list[Image.Image], durations_ms: list[int]) -> bytes:
    palette = _shared_palette(pictures)
    indexed = [_indexed(picture, palette) for picture in pictures]
    transparent = any(picture.getchannel("A").getextrema()[0] < 128 for picture in pictures)  # type: ignore[operator]
    options: dict[str, object] = {"disposal": 2, "transparency": _TRANSPARENT} if transparent else {}
    return _saved(
        indexed[0],
        "GIF",
        save_all=True,
        append_images=indexed[1:],
        duration=durations_ms,
        loop=0,
        optimize=False,
        **options,
    )


def _shared_palette(pictures: list[Image.Image]) -> Image.Image:
    """A palette of 255 colours for all frames: of every third pixel of four frames."""
    sampled_frames = [_on_white(pictures[index * len(pictures) // 4]) for index in range(4)]
    sampled = np.concatenate([np.asarray(picture)[index % 3 :: 3, ::3] for index, picture in enumerate(sampled_frames)])
    return Image.fromarray(sampled).quantize(255, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _indexed(picture: Image.Image, palette: Image.Image) -> Image.Image:
    indexed = _on_white(picture).quantize(palette=palette, dither=Image.Dither.NONE)
    clear = picture.getchannel("A").point([255 if alpha < 128 else 0 for alpha in range(256)])
    indexed.paste(_TRANSPARENT, mask=clear)
    return indexed


def _on_white(picture: Image.Image) -> Image.Image:
    flat = Image.new("RGB", picture.size, (255, 255, 255))
    flat.paste(picture, mask=picture.getchannel("A"))
    return flat


def _saved(picture: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()
