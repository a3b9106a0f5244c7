"""Feeds mutated files to the probe (decoder, measures, fingerprint) and counts what comes out.

    python measurements/robustness/fuzz_media.py --num-files 20000

Each format is fuzzed in a child process with a limit on its memory; a watchdog ends a child that makes no progress.
The only allowed results are a clip or a `MediaError` with a known reason: crashes, hangs, other exceptions and warnings
are listed with the number of the file, which `--replay FORMAT:NUMBER` runs again in this process.
"""

import argparse
import gzip
import io
import json
import os
import re
import resource
import selectors
import struct
import subprocess
import sys
import time
import warnings
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vsd2m.core.stage import Drop
from vsd2m.media.budget import DecodeBudget
from vsd2m.media.clip import Clip
from vsd2m.media.decode import REASONS
from vsd2m.media.encode import encode
from vsd2m.media.media_types import sniff
from vsd2m.media.probe import probe

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "media"))
from media_builders import apples_png
from video_builders import avif, rgba_frames, video

FORMATS = (
    "gif", "apng", "png", "webp", "jpeg", "cgbi", "avif", "webm", "mp4", "tgs", "lottie", "dotlottie", "svg",
)  # fmt: skip
BUDGET = DecodeBudget(max_pixels=1 << 20, max_frames=200, max_decoded_bytes=32 << 20, max_seconds=10.0)
LOTTIE_BUDGET = replace(BUDGET, max_cpu_seconds=0.5)  # what is not drawn at once often never is
LOTTIE_FORMATS = ("tgs", "lottie", "dotlottie")
MAX_SEED_BYTES = 12_000
HANG_SECONDS = 30


# -- seeds and mutations ---------------------------------------------------------------------


def seeds(media_format: str, stickers: Path) -> list[bytes]:
    """Whole files: drawn ones of several kinds, and small real ones if there are any."""
    if media_format in LOTTIE_FORMATS:
        pack = {"lottie": bytes, "tgs": lambda data: gzip.compress(data, mtime=0), "dotlottie": _dotlottie}[
            media_format
        ]
        files = [pack(data) for data in _documents()]
    elif media_format == "svg":
        files = [data.encode() for data in SVGS]
    else:
        files = [data for clip in _clips() if (data := _encoded(clip, media_format))]
    for path in sorted(stickers.rglob("*.*")) if stickers.is_dir() else []:
        data = path.read_bytes()
        if len(data) <= MAX_SEED_BYTES and sniff(data) == media_format:
            files.append(data)
    return [data for data in files if not isinstance(probe(data, BUDGET), Drop)][:60]


def _dotlottie(document: bytes) -> bytes:
    """Stored, so that mutations reach the document (and the checksum, which is repaired)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("manifest.json", '{"animations": [{"id": "one", "speed": 1}]}')
        archive.writestr("animations/one.json", document)
    return file.getvalue()


_SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="48" height="40" '
SVGS = (
    _SVG
    + 'viewBox="0 0 96 80"><rect x="4" y="4" width="40" height="30" rx="5" fill="#f80" stroke="blue" stroke-width="3"/></svg>',
    _SVG
    + '><defs><linearGradient id="g"><stop stop-color="red"/><stop offset="1" stop-color="blue" stop-opacity=".5"/>'
    '</linearGradient><g id="s"><path d="M4 4C9 9 20 1 30 30L2 20Z"/></g></defs><use xlink:href="#s" fill="url(#g)"/>'
    '<use href="#s" x="9" transform="rotate(20) scale(.5)"/></svg>',
    _SVG
    + '><filter id="f"><feGaussianBlur stdDeviation="3"/></filter><mask id="m"><circle r="20" cx="20" cy="20" fill="#fff"/></mask>'
    '<g filter="url(#f)"><ellipse cx="24" cy="20" rx="18" ry="9" mask="url(#m)"/></g></svg>',
    '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY c "#123456">]>'
    + _SVG
    + '><style>.a{fill:&c;}</style><pattern id="p" width="9"'
    ' height="9" patternUnits="userSpaceOnUse"><circle r="4" fill="lime"/></pattern><rect class="a" width="9" height="9"/>'
    '<polygon points="10,10 40,10 25,38" fill="url(#p)" stroke-dasharray="3 2" stroke="#000"/></svg>',
)


def _documents() -> list[bytes]:
    """Small Lottie documents: rectangles, ellipses, stars, strokes, gradients, masks, repeaters, moving."""
    layers = [_layer(kind, extra) for kind in ("rc", "el", "sr") for extra in EXTRAS]
    layer_groups = [layers[i : i + 1 + i % 3] for i in range(0, len(layers), 2)]
    head = {"v": "5.5.2", "fr": 30, "ip": 0, "op": 6, "w": 48, "h": 40, "ddd": 0}
    documents = [{**head, "assets": [], "layers": layers} for layers in layer_groups]
    composed = {
        "ty": 0,
        "refId": "c",
        "w": 48,
        "h": 40,
        "ip": 0,
        "op": 9,
        "st": 0,
        "sr": 1,
        "ks": documents[0]["layers"][0]["ks"],
    }
    documents.append(
        {**head, "assets": [{"id": "c", "layers": layer_groups[1]}], "layers": [composed, *layer_groups[0]]}
    )
    return [json.dumps(document, separators=(",", ":")).encode() for document in documents]


def _k(value):
    return {"a": 0, "k": value}


_TURN = {"a": 1, "k": [{"t": 0, "s": [0], "e": [90], "i": {"x": [1], "y": [1]}, "o": {"x": [0], "y": [0]}}, {"t": 6}]}
_CURVE = {"c": True, "v": [[-9, 0], [0, 9], [9, 0]], "i": [[0, 0], [3, 3], [0, 0]], "o": [[0, 0], [-3, 3], [0, 0]]}
EXTRAS = (
    {"ty": "fl", "c": _k([1, 0.5, 0, 1]), "o": _k(80), "r": 1},
    {
        "ty": "st",
        "c": _k([0, 0.5, 0, 1]),
        "o": _k(100),
        "w": _k(3),
        "lc": 2,
        "lj": 1,
        "ml": 4,
        "d": [{"n": "d", "v": _k(4)}, {"n": "g", "v": _k(2)}],
    },
    {
        "ty": "gf",
        "o": _k(100),
        "r": 1,
        "t": 1,
        "s": _k([-9, 0]),
        "e": _k([9, 0]),
        "g": {"p": 2, "k": _k([0, 1, 0, 0, 1, 0, 0, 1])},
    },
    {
        "ty": "rp",
        "c": _k(3),
        "o": _k(0),
        "m": 1,
        "tr": {
            "ty": "tr",
            "p": _k([6, 1]),
            "a": _k([0, 0]),
            "s": _k([90, 90]),
            "r": _k(9),
            "so": _k(100),
            "eo": _k(50),
        },
    },
    {"ty": "tm", "s": _k(10), "e": _k(70), "o": _k(0), "m": 1},
    {"ty": "sh", "ks": _k(_CURVE), "ind": 0},
)


def _layer(kind, extra):
    figure = {"ty": kind, "d": 1, "s": _k([20, 16]), "p": _k([0, 0]), "r": _k(2)}
    if kind == "sr":
        figure = {
            "ty": "sr",
            "sy": 1,
            "pt": _k(5),
            "p": _k([0, 0]),
            "r": _k(0),
            "ir": _k(4),
            "is": _k(0),
            "or": _k(9),
            "os": _k(0),
        }
    transform = {"ty": "tr", "p": _k([0, 0]), "a": _k([0, 0]), "s": _k([100, 100]), "r": _TURN, "o": _k(100)}
    where = {"o": _k(100), "r": _TURN, "p": _k([24, 20, 0]), "a": _k([0, 0, 0]), "s": _k([100, 100, 100])}
    parts = [figure, EXTRAS[0], transform] if extra is EXTRAS[0] else [figure, extra, EXTRAS[0], transform]
    mask = (
        {"masksProperties": [{"inv": False, "mode": "a", "pt": _k(_CURVE), "o": _k(100)}]} if extra is EXTRAS[1] else {}
    )
    return {
        "ty": 4,
        "sr": 1,
        "ks": where,
        "ip": 0,
        "op": 9,
        "st": 0,
        "bm": 0,
        "shapes": [{"ty": "gr", "it": parts}],
        **mask,
    }


def _clips() -> list[Clip]:
    rng = np.random.default_rng(7)
    clips = []
    for shape, colors in (((3, 12, 9), 5), ((2, 20, 20), 400), ((1, 33, 17), 40), ((6, 16, 24), 200)):
        palette = rng.integers(0, 256, (colors, 4)).astype(np.uint8)
        palette[rng.random(colors) < 0.5, 3] = 255
        palette[0] = 0
        frames = palette[rng.integers(0, colors, shape)]
        clips.append(Clip(frames, np.full(shape[0], 40, np.int32), 0, "gif"))
    return clips


def _encoded(clip: Clip, media_format: str) -> bytes:
    if media_format == "cgbi":
        return apples_png(clip.frames[0])
    if media_format == "avif":
        return avif(clip.frames)
    if media_format in ("webm", "mp4"):
        even = np.repeat(np.repeat(clip.frames, 2, axis=1), 2, axis=2)
        codec, pix_fmt = {"webm": ("libvpx-vp9", "yuva420p"), "mp4": ("libx264", "yuv420p")}[media_format]
        return video(rgba_frames(even, pix_fmt), container=media_format, codec=codec)
    if media_format != "jpeg":
        return encode(clip, media_format)
    from PIL import Image

    buffer = io.BytesIO()
    options = {"progressive": clip.num_frames % 2 == 0, "quality": 70}
    Image.fromarray(clip.frames[0]).convert("RGB").save(buffer, format="JPEG", **options)
    return buffer.getvalue()


def mutant(originals: list[bytes], media_format: str, seed: int, number: int) -> bytes:
    """Mutated file `number`: always the same for the same arguments."""
    rng = np.random.default_rng([seed, FORMATS.index(media_format), number])
    data = bytearray(originals[rng.integers(len(originals))])
    inside = media_format == "tgs" and rng.random() < 0.6  # the document, packed again
    if inside:
        data = bytearray(gzip.decompress(data))
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        if len(data) > 8:
            mutations = TEXT_MUTATIONS if data[:1] in (b"{", b"<") else MUTATIONS
            mutations[rng.integers(len(mutations))](data, rng, originals)
    if inside:
        data = bytearray(gzip.compress(data, mtime=0))
    if rng.random() < 0.6:
        data = _repaired(data, media_format)
    return bytes(data)


def _flip_bits(data, rng, _):
    for position in rng.integers(0, len(data), rng.integers(1, 9)):
        data[position] ^= 1 << int(rng.integers(8))


def _random_bytes(data, rng, _):
    start, length = int(rng.integers(len(data))), int(rng.integers(1, 40))
    data[start : start + length] = rng.integers(0, 256, len(data[start : start + length])).astype(np.uint8).tobytes()


def _truncate(data, rng, _):
    del data[int(rng.integers(1, len(data))) :]


def _delete(data, rng, _):
    start = int(rng.integers(len(data)))
    del data[start : start + int(rng.integers(1, 60))]


def _repeat(data, rng, _):
    start, length = int(rng.integers(len(data))), int(rng.integers(1, 400))
    data[start:start] = data[start : start + length] * int(rng.integers(1, 20))


def _splice(data, rng, originals):
    other_file = originals[rng.integers(len(originals))]
    start = int(rng.integers(len(other_file)))
    position = int(rng.integers(len(data)))
    data[position : position + int(rng.integers(0, 300))] = other_file[start : start + int(rng.integers(1, 300))]


def _extreme_number(data, rng, _):
    size = int(rng.choice([1, 2, 4]))
    value = [0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF][rng.integers(12)]
    position = int(rng.integers(min(len(data), 80) if rng.random() < 0.5 else len(data)))
    packed = (value & (1 << 8 * size) - 1).to_bytes(size, ["little", "big"][rng.integers(2)])
    data[position : position + size] = packed


def _number_in_text(data, rng, _):
    """Replaces one number of a document by another; binary data is left unchanged."""
    numbers = list(re.finditer(rb"-?\d+(\.\d+)?", data)) if data[:1] in (b"{", b"<") else []
    if numbers:
        match = numbers[rng.integers(len(numbers))]
        choices = (
            b"0",
            b"-1",
            b"1e9",
            b"-1e9",
            b"4294967295",
            b"2147483648",
            b"1e-9",
            b"0.5",
            b"100000",
            b"null",
            b"[]",
            b'"x"',
        )
        data[match.start() : match.end()] = choices[rng.integers(len(choices))]


MUTATIONS = (_flip_bits, _random_bytes, _truncate, _delete, _repeat, _splice, _extreme_number)
TEXT_MUTATIONS = (*MUTATIONS, *[_number_in_text] * 7)


def _repaired(data: bytearray, media_format: str) -> bytearray:
    """Repairs checksums and total sizes, so that the mutation reaches the code behind these checks."""
    if media_format == "webp" and len(data) >= 8:
        data[4:8] = struct.pack("<I", len(data) - 8)
    if media_format == "dotlottie":
        return _with_checksums(data)
    if media_format in ("png", "apng", "cgbi"):
        position = 8
        while position + 12 <= len(data):
            (length,) = struct.unpack_from(">I", data, position)
            end = position + 8 + length
            if end + 4 > len(data):
                break
            data[end : end + 4] = struct.pack(">I", zlib.crc32(data[position + 4 : end]))
            position = end + 4
    return data


def _with_checksums(data: bytearray) -> bytearray:
    """Of the stored files of a zip, in its directory, which stands behind them."""
    for entry in re.finditer(b"PK\x01\x02", data):
        place = entry.start()
        if place + 46 > len(data):
            break
        (size,), (header,) = struct.unpack_from("<I", data, place + 20), struct.unpack_from("<I", data, place + 42)
        if header + 30 > len(data):
            continue
        names, extra = struct.unpack_from("<HH", data, header + 26)
        start = header + 30 + names + extra
        data[place + 16 : place + 20] = data[header + 14 : header + 18] = struct.pack(
            "<I", zlib.crc32(data[start : start + size])
        )
    return data


# -- the child -------------------------------------------------------------------------------


def child(media_format: str, start: int, stop: int, options: argparse.Namespace) -> None:
    """Prints one JSON line per file: its number before the probe, then the result."""
    resource.setrlimit(resource.RLIMIT_AS, (options.max_memory_mb << 20,) * 2)
    warnings.simplefilter("error")
    originals = seeds(media_format, options.stickers)
    print(json.dumps({"rest_mb": _peak_mb()}), flush=True)
    for number in range(start, stop):
        print(f'{{"number": {number}}}', flush=True)
        print(
            json.dumps({"outcome": outcome(mutant(originals, media_format, options.seed, number), media_format)}),
            flush=True,
        )
    print(json.dumps({"peak_mb": _peak_mb()}), flush=True)


def outcome(data: bytes, media_format: str) -> str:
    try:
        result = probe(data, LOTTIE_BUDGET if media_format in LOTTIE_FORMATS else BUDGET)
    except Exception as error:  # this is what is looked for
        return f"UNCAUGHT {type(error).__name__}: {error}"
    if isinstance(result, Drop):
        return result.reason if result.reason in REASONS else f"UNCAUGHT reason {result.reason}"
    return "decoded"


def _peak_mb() -> int:
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(each).ru_maxrss for each in who) >> 10


# -- the parent ------------------------------------------------------------------------------


@dataclass
class Report:
    media_format: str
    outcomes: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    rest_mb: int = 0
    peak_mb: int = 0
    seconds: float = 0.0


def fuzz(media_format: str, options: argparse.Namespace) -> Report:
    report = Report(media_format)
    started = time.monotonic()
    number = 0
    while number < options.num_files:
        last, fault = _run_child(media_format, number, report)
        if fault is None:
            break
        if not report.rest_mb:
            raise SystemExit(f"the {media_format} child does not start: {fault}")
        report.outcomes[fault.split()[0]] += 1
        report.faults.append(f"{media_format}:{last} {fault}")
        number = last + 1
    report.seconds = time.monotonic() - started
    return report


def _run_child(media_format: str, start: int, report: Report) -> tuple[int, str | None]:
    """The last file that was started, and why the child ended before its work was complete."""
    command = [sys.executable, __file__, *sys.argv[1:], "--child", f"{media_format}:{start}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    last, finished = start, False
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        pending = b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while selector.select(HANG_SECONDS):
                block = process.stdout.read()
                if block is None:
                    continue
                if not block:
                    break
                *lines, pending = (pending + block).split(b"\n")
                for line in lines:
                    last, finished = _note(json.loads(line), last, report)
            else:
                process.kill()
                return last, f"HANG no progress for {HANG_SECONDS} s"
    return last, None if finished else f"CRASH exit status {process.returncode}"


def _note(line: dict, last: int, report: Report) -> tuple[int, bool]:
    if "outcome" in line:
        report.outcomes[line["outcome"].split()[0]] += 1
        if line["outcome"].startswith("UNCAUGHT"):
            report.faults.append(f"{report.media_format}:{last} {line['outcome']}")
    report.rest_mb = max(report.rest_mb, line.get("rest_mb", 0))
    report.peak_mb = max(report.peak_mb, line.get("peak_mb", 0))
    return line.get("number", last), "peak_mb" in line


def table(reports: list[Report]) -> str:
    names = sorted({name for report in reports for name in report.outcomes})
    rows = [["format", "files", "files/s", "MiB at rest", "MiB at peak", *names]]
    for report in reports:
        total = sum(report.outcomes.values())
        counts = [str(report.outcomes[name]) for name in names]
        speed = f"{total / report.seconds:.0f}"
        rows.append([report.media_format, str(total), speed, str(report.rest_mb), str(report.peak_mb), *counts])
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-files", type=int, default=1000, help="mutated files of each format")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-memory-mb", type=int, default=1500, help="limit on a child's address space")
    stickers = Path(__file__).parents[3] / "shared" / "stickers"
    parser.add_argument("--stickers", type=Path, default=stickers, help="a folder with further whole files")
    parser.add_argument("--replay", metavar="FORMAT:NUMBER", help="one file again, in this process")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child or options.replay:
        media_format, number = (options.child or options.replay).split(":")
        if options.child:
            child(media_format, int(number), options.num_files, options)
        else:
            print(probe(mutant(seeds(media_format, options.stickers), media_format, options.seed, int(number)), BUDGET))
        return 0
    reports = [fuzz(media_format, options) for media_format in options.formats]
    faults = [fault for report in reports for fault in report.faults]
    print(table(reports))
    print("\n".join(faults) or "no crash, no hang, no uncaught exception, no warning")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
