"""The fingerprint in plain numpy and Pillow, matrices where the package has loops."""

import numpy as np
from PIL import Image

from vsd2m.media.clip import played
from vsd2m.media.fingerprints import layout
from vsd2m.media.fingerprints.phash import phash
from vsd2m.media.frame_indices import time_indices


def fingerprint(frames, durations_ms):
    distinct, place = np.unique(time_indices(played(durations_ms), 8), return_inverse=True)
    pixels = reduced(frames[distinct])
    grey_levels = luma(pixels)
    coverage, background = figure(pixels, grey_levels)
    shown = on_background(grey_levels, pixels[..., 3], background)
    whole = on_background(grey_levels, pixels[..., 3], 128)
    pixels, grey_levels = pixels * (coverage > 0)[..., None], grey_levels * (coverage > 0)
    around = window(coverage)
    everything = (0, whole.shape[1], 0, whole.shape[2])
    on_black, covered = (resampled(planes, around, 32) for planes in (grey_levels, coverage))
    on_white = on_black + 255 - covered
    spread = np.maximum(np.ptp(on_white, axis=(1, 2)), np.ptp(on_black, axis=(1, 2)))
    spread[[is_flat_rectangle(*planes, around) for planes in zip(grey_levels, coverage, strict=True)]] = 0
    if not (spread > 6).any():
        return []
    shows = [step for step in range(8) if spread[place[step]] > 6]
    order = [place[max((s for s in shows if s <= step), default=shows[-1])] for step in range(8)]
    grays = np.concatenate([on_white, on_black, resampled(whole, everything, 32)])
    total = shown[order].astype(float).sum(axis=0)
    on_grey = on_black + (255 - covered) * (128 / 255)
    words = [
        facts(background, around, whole.shape[1:]),
        phash(np.round(grays).clip(0, 255)).reshape(3, -1)[:, order].ravel(),
        triples(steps(resampled(total, around, 32) / 8, layout.PICTURE_STEP, 31)),
        nibbles(steps(shrunk(covered[order].mean(axis=0), 16), layout.COVERAGE_STEP, 15)),
        nibbles(steps(shrunk(on_grey[order], 8).std(axis=0), layout.MOTION_STEP, 15)),
        nibbles(steps(chroma(pixels[order], grey_levels[order], around) + 7.5 * 12, layout.CHROMA_STEP, 15)),
        nibbles(steps(detail(total, around), layout.DETAIL_STEP, 15)),
    ]
    return [int(word) for word in np.concatenate(words)]


def reduced(frames):
    across, down = (max(1, side // 64) for side in (frames.shape[2], frames.shape[1]))
    whole = np.ascontiguousarray(frames[:, : frames.shape[1] // down * down])
    small = [np.asarray(Image.fromarray(frame, "RGBA").convert("RGBa").reduce((across, down))) for frame in whole]
    return np.stack(small)


def luma(pixels):
    return (pixels.astype(int) @ [77, 150, 29, 0] // 256).astype(np.uint8)


def on_background(grey_levels, alpha, background):
    return (grey_levels + (255 - alpha.astype(int)) * background // 255).astype(np.uint8)


def figure(pixels, grey_levels):
    alpha = pixels[..., 3]
    if (alpha < 128).mean() > 0.01:
        return alpha, 128
    background = int(np.median(border(grey_levels)))
    colors = border(pixels[..., :3])
    color = np.median(colors, axis=0).astype(int)
    if (np.abs(colors - color).max(axis=-1) <= 24).mean() < 0.6:
        return alpha, background
    alike = np.abs(pixels[..., :3] - color).max(axis=-1) <= 24
    outside = np.stack([reaches_border(mask) for mask in alike])
    return (alpha, background) if outside.mean() > 0.995 else (np.where(outside, 0, 255).astype(np.uint8), background)


def border(planes):
    sides = (planes[:, 0], planes[:, -1], planes[:, :, 0], planes[:, :, -1])
    return np.concatenate([side.reshape(-1, *planes.shape[3:]) for side in sides])


def reaches_border(alike):
    """Down, up, right and left, twice; each time from the border or what is reached along what is alike."""
    reached = np.zeros_like(alike)
    for turn in (0, 2, 3, 1) * 2:
        turned, seeds = np.rot90(alike, turn), np.rot90(reached, turn)
        lines = [(turned[:, x], seeds[:, x]) for x in range(turned.shape[1])]
        for mask, seed in lines:
            state = True
            for y in range(len(mask)):
                state = bool(mask[y] and (state or seed[y]))
                seed[y] |= state
    return reached


def is_flat_rectangle(grey_levels, coverage, around):
    """One grey level wherever the window is looked at but for its outermost pixels, and nothing but silhouette."""
    top, bottom, left, right = around
    rows = slice(top + 1, bottom - 1) if bottom - top > 2 else slice(top, bottom)
    columns = slice(left + 1, right - 1) if right - left > 2 else slice(left, right)
    return bool((coverage[rows, columns] == 255).all() and np.ptp(grey_levels[rows, columns]) <= 6)


def window(coverage):
    seen = (coverage > 127).any(axis=0)
    return (*span(seen.sum(axis=1), seen.shape[1]), *span(seen.sum(axis=0), seen.shape[0]))


def span(counts, length):
    used = np.flatnonzero(counts >= max(1.0, 0.02 * length))
    return (int(used[0]), int(used[-1]) + 1) if len(used) else (0, len(counts))


def resampled(planes, around, size):
    top, bottom, left, right = around
    rows, columns = weights(top, bottom, planes.shape[-2], size), weights(left, right, planes.shape[-1], size)
    return rows @ planes.astype(float) @ columns.T


def weights(start, stop, length, size):
    step = (stop - start) / size
    centres = start + (np.arange(size) + 0.5) * step
    distance = np.abs(np.arange(length) + 0.5 - centres[:, None])
    triangle = np.maximum(0.0, 1 - distance / max(step, 1.0))
    triangle[:, :start] = 0
    triangle[:, stop:] = 0
    return np.round(triangle / triangle.sum(axis=1, keepdims=True) * 4096) / 4096


def facts(background, around, shape):
    sides = zip(around, (shape[0], shape[0], shape[1], shape[1]), strict=True)
    parts = bytes([background, *(round(255 * edge / side) for edge, side in sides), 0, 0, 0])
    return np.frombuffer(parts, dtype="<u8")


def shrunk(planes, side):
    block = planes.shape[-1] // side
    return planes.reshape(*planes.shape[:-2], side, block, side, block).mean(axis=(-3, -1))


def steps(values, step, greatest):
    return np.floor(values / step + 0.5).clip(0, greatest).astype(np.uint8)


def chroma(pixels, grey_levels, around):
    blue_red = pixels[..., [2, 0]].astype(int).sum(axis=0) - grey_levels.astype(int).sum(axis=0)[..., None]
    return resampled(np.moveaxis(blue_red, -1, 0) * np.array([577, 730])[:, None, None], around, 8) / (1024 * 8)


def detail(total, around):
    fine = np.round(resampled(total, around, 64) / 8 * 4) / 4
    beyond = fine - shrunk(fine, 32).repeat(2, axis=0).repeat(2, axis=1)
    return np.sqrt(shrunk(beyond * beyond, 16))


def triples(values):
    """Values of 5 bits, three to each 16 bits, padded with zeros to whole words."""
    padded = np.zeros(-(-values.size // 12) * 12, dtype="<u2")
    padded[: values.size] = values.ravel()
    first, second, third = padded.reshape(-1, 3).T
    return (first | (second << 5) | (third << 10)).astype("<u2").view("<u8")


def nibbles(values):
    low, high = values.reshape(-1, 2).T
    return np.ascontiguousarray(low | (high << 4)).view("<u8")
