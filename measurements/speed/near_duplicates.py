"""Speed and recall of the near-duplicate grouping on millions of synthetic fingerprints.

    python measurements/speed/near_duplicates.py --num-stickers 2500000
    python measurements/speed/near_duplicates.py --num-stickers 50000 --brute-force 1000

Prints one JSON line: seconds of the grouping alone (wall clock, and processor time of all threads), peak memory of the
process including the input, and how many of the true duplicates were found; with --brute-force also the share of near
pairs, determined by comparing some stickers with all others, that are in one family. Run each size in a separate
process, to measure its peak.
"""

import argparse
import json
import resource
import time
from functools import cache

import numpy as np

from vsd2m.filter.duplicates.distance import COURSE_UNIT, distances
from vsd2m.filter.duplicates.groups import families, group
from vsd2m.filter.duplicates.hashes import bit_count
from vsd2m.filter.near_duplicates import NearDuplicatesConfig
from vsd2m.media.compiled import compiled
from vsd2m.media.fingerprints import layout

LIMIT = NearDuplicatesConfig().max_distance
CHUNK = 8192
ROWS = 256
ALLOWED_BITS = int(LIMIT * COURSE_UNIT * 64 * layout.NUM_FRAMES)


def cluster_sizes(num_stickers: int, rng: np.random.Generator) -> np.ndarray:
    """Sizes with a heavy tail (2.5th power law to 1,000) such that about one sticker in six is a duplicate."""
    sizes = np.arange(2, 1001)
    weight = sizes**-2.5
    random_sizes = rng.choice(sizes, size=num_stickers // 12, p=weight / weight.sum())
    random_sizes = random_sizes[np.cumsum(random_sizes - 1) < num_stickers * 0.16]
    return np.concatenate([random_sizes, np.ones(num_stickers - random_sizes.sum(), dtype=np.int64)])


def synthetic(num_stickers: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Words `[N, NUM_WORDS]` in random order, and the cluster of each."""
    sizes = cluster_sizes(num_stickers, rng)
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    words = np.empty((num_stickers, layout.NUM_WORDS), np.uint64)
    positions = rng.permutation(num_stickers)
    start = 0
    while start < num_stickers:
        stop = min(start + CHUNK, num_stickers)
        while stop < num_stickers and cluster[stop] == cluster[stop - 1]:
            stop += 1  # a cluster is drawn in one piece
        words[positions[start:stop]] = _draw_fingerprints(cluster[start:stop], rng)
        start = stop
    truth = np.empty(num_stickers, np.int64)
    truth[positions] = cluster
    return words, truth


def _draw_fingerprints(cluster: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Originals with a natural spectrum, and copies of them: recompressed, re-timed, one in five cropped."""
    original, which = np.unique(cluster, return_inverse=True)
    first = np.diff(cluster, prepend=-1) != 0
    count = len(original)
    pictures = _fields(count, 32, rng)[which]
    shifted = ~first & (rng.random(len(cluster)) < 0.2)
    pictures[shifted] = np.roll(pictures[shifted], 1, axis=1)
    pictures[~first] += rng.normal(0, 3.5, pictures[~first].shape)
    motion = np.clip(_fields(count, 8, rng) / 16, 0, 15)[which]
    chroma = np.clip(_fields(2 * count, 8, rng) / 17, 0, 15).reshape(count, 128)[which]
    detail = np.clip(_fields(count, 16, rng) / 16, 0, 15).reshape(count, 256)[which]
    changed = (rng.random(chroma.shape) < 0.05) & ~first[:, None]
    finer = (rng.random(detail.shape) < 0.1) & ~first[:, None]
    out = np.zeros((len(cluster), layout.NUM_WORDS), np.uint64)
    out[:, layout.FACTS] = 128 + (255 << 16) + (255 << 32)
    for part in (layout.ON_WHITE, layout.ON_BLACK, layout.WHOLE):
        frames = rng.integers(0, 2**64, (count, 1), dtype=np.uint64) ^ _flips((count, 8), 0.08, rng)
        out[:, part] = frames[which] ^ np.where(first[:, None], np.uint64(0), _flips((len(cluster), 8), 0.03, rng))
    levels = np.clip(pictures / layout.PICTURE_STEP + 0.5, 0, 31).astype(np.uint8).reshape(len(cluster), -1)
    padded = np.zeros((len(cluster), 1032), "<u2")
    padded[:, :1024] = levels
    packed = padded[:, 0::3] | (padded[:, 1::3] << 5) | (padded[:, 2::3] << 10)
    out[:, layout.PICTURE] = np.ascontiguousarray(packed).view("<u8")
    out[:, layout.COVERAGE] = np.uint64(2**64 - 1)
    out[:, layout.MOTION] = _nibbles(motion.reshape(len(cluster), -1))
    out[:, layout.CHROMA] = _nibbles(np.clip(chroma + changed, 0, 15))
    out[:, layout.DETAIL] = _nibbles(np.clip(detail + finer, 0, 15))
    return out


def _fields(count: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """Random pictures whose amplitude falls with frequency as that of photographs does, about 128 +- 55."""
    wave = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)) * side
    shape = 1 / np.maximum(wave, 1) ** 1.3
    shape[0, 0] = 0
    spectrum = rng.standard_normal((count, side, side // 2 + 1, 2), dtype=np.float32).view(np.complex64)[..., 0]
    fields = np.fft.irfft2(spectrum * shape.astype(np.float32), s=(side, side))
    return 128 + 55 * fields / fields.std(axis=(1, 2), keepdims=True)


def _flips(shape: tuple[int, ...], share: float, rng: np.random.Generator) -> np.ndarray:
    """Words in which each bit is set with probability `share`, out of a stock of 65,536."""
    return _stock(share)[rng.integers(1 << 16, size=shape)]


@cache
def _stock(share: float) -> np.ndarray:
    bits = np.random.default_rng(1).random((1 << 16, 64), dtype=np.float32) < share
    return np.packbits(bits, axis=-1).view(np.uint64)[..., 0]


def _nibbles(values: np.ndarray) -> np.ndarray:
    whole = values.astype(np.uint8)
    return np.ascontiguousarray(whole[:, 0::2] | (whole[:, 1::2] << 4)).view("<u8")


def brute_force(words: np.ndarray, lines: np.ndarray, num_threads: int) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (one of `lines`, any other line) that are near: each is looked at by its course, those left in full."""
    hashes = [np.ascontiguousarray(words[:, part]) for part in (layout.ON_WHITE, layout.ON_BLACK, layout.WHOLE)]
    near_pairs = []
    for start in range(0, len(lines), ROWS):
        first, second = _near_in_course(*hashes, lines[start : start + ROWS], ALLOWED_BITS)
        near = np.flatnonzero(distances(words, first, second, LIMIT, num_threads=num_threads) <= LIMIT)
        near_pairs.append((first[near], second[near]))
    return np.concatenate([pair[0] for pair in near_pairs]), np.concatenate([pair[1] for pair in near_pairs])


@compiled
def _near_in_course(
    on_white: np.ndarray, on_black: np.ndarray, whole: np.ndarray, lines: np.ndarray, allowed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (i, j), i of `lines`, of which the course may be near by one of the hashes `[N, 8]`.

    It counts for every frame of i the bits that differ from the nearest of three frames of j. The distance uses
    the greater of this count and the one from j to i, so no near pair is left out.
    """
    first, second = [], []
    for i in lines:
        for j in range(len(on_white)):
            if i == j:
                continue
            for hashes in (on_white, on_black, whole):
                bits = 0
                for k in range(8):
                    hash_of_frame = hashes[i, k]
                    num_bits = bit_count(hash_of_frame ^ hashes[j, k])
                    before = bit_count(hash_of_frame ^ hashes[j, (k + 7) & 7])
                    after = bit_count(hash_of_frame ^ hashes[j, (k + 1) & 7])
                    bits += min(num_bits, before, after)
                if bits <= allowed:
                    first.append(i)
                    second.append(j)
                    break
    return np.array(first, np.int64), np.array(second, np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num-stickers", type=int, default=2_500_000)
    parser.add_argument("--num-threads", type=int, default=2)
    parser.add_argument("--brute-force", type=int, default=0, help="stickers drawn to be compared with all others")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    words, truth = synthetic(options.num_stickers, rng)
    rank = rng.permutation(len(words))
    start, start_cpu = time.perf_counter(), time.process_time()
    is_still = np.zeros(len(words), bool)
    groups = group(words, rank, LIMIT, is_still=is_still, num_threads=options.num_threads)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    duplicates = len(words) - len(np.unique(truth))
    losers = np.flatnonzero(groups.winner != np.arange(len(words)))
    right = truth[losers] == truth[groups.winner[losers]]
    row = {
        "stickers": len(words),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "duplicates": duplicates,
        "found": int(right.sum()),
        "recall": round(right.sum() / duplicates, 4),
        "false_merges": int((~right).sum()),
    }
    if options.brute_force:
        lines = np.sort(rng.choice(len(words), size=min(options.brute_force, len(words)), replace=False))
        first, second = brute_force(words, lines, options.num_threads)
        family, _ = families(words, rank, LIMIT, is_still=is_still, num_threads=options.num_threads)
        row["brute_force_lines"], row["brute_force_pairs"] = len(lines), len(first)
        row["recall_of_brute_force"] = round(float((family[first] == family[second]).mean()), 4)
    print(json.dumps(row))


if __name__ == "__main__":
    main()
