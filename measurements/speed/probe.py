"""Speed of the probe stage compared with decoding only by several libraries, and with Data-Juicer's image operators.

    python measurements/speed/probe.py --stickers FOLDER --data-juicer VENV/bin/python

Every decoder reads the same bytes from memory in one thread, file after file in turn. Seconds are processor time, and
for each file and decoder the fastest of several rounds counts, to reduce disturbance. Data-Juicer runs in its own environment
(`pip install py-data-juicer aiohttp imagehash`), reads files, and only their first frames.
"""

import argparse
import io
import json
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

Contender = Callable[[bytes], int]
"""Reads every frame of a file as RGBA; returns how many."""

DATA_JUICER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
from data_juicer.ops.filter.image_aspect_ratio_filter import ImageAspectRatioFilter
from data_juicer.ops.filter.image_shape_filter import ImageShapeFilter
from data_juicer.utils.constant import Fields
try:  # imagededup would download the weights of its network at import; its hashes need none
    from torchvision import models
    small = models.mobilenet_v3_small
    models.mobilenet_v3_small = lambda *args, **options: small()
except ImportError:
    pass
rounds, paths = int(sys.argv[1]), json.load(sys.stdin)
aspect, shape = ImageAspectRatioFilter(), ImageShapeFilter()
try:
    from data_juicer.ops.deduplicator.image_deduplicator import ImageDeduplicator
    deduplicator = ImageDeduplicator(method="phash")
    name, fingerprint = "ImageDeduplicator(phash)", lambda sample: deduplicator.compute_hash(sample)
except Exception:
    import imagehash
    from data_juicer.utils.mm_utils import load_image
    name = "its load_image + imagehash.phash (imagededup not installed)"
    fingerprint = lambda sample: imagehash.phash(load_image(sample["images"][0]))
def run(path):
    sample = {"text": "", "images": [path], Fields.stats: {}, Fields.context: {}}
    shape.compute_stats_single(sample)
    aspect.compute_stats_batched({"images": [[path]], Fields.stats: [sample[Fields.stats]]})
    fingerprint(sample)
best = {}
for _ in range(rounds):
    for path in paths:
        started = time.process_time()
        run(path)
        best[path] = min(best.get(path, 1e9), time.process_time() - started)
print(json.dumps({"name": "ImageShapeFilter + ImageAspectRatioFilter + " + name, "seconds": sum(best.values())}))
"""


def pillow(data: bytes) -> int:
    import numpy as np
    from PIL import Image, ImageSequence

    with Image.open(io.BytesIO(data)) as image:
        return len([np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)])


def pyav(data: bytes) -> int:
    import av
    from av.video.reformatter import VideoReformatter

    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        reformatter = VideoReformatter()  # one for all frames: frame.to_ndarray(format=...) makes one for each
        return len([reformatter.reformat(frame, format="rgba").to_ndarray() for frame in container.decode(stream)])


def opencv(data: bytes) -> int:
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    ok, animation = cv2.imdecodeanimation(np.frombuffer(data, np.uint8))
    return len([cv2.cvtColor(frame, cv2.COLOR_BGRA2RGBA) for frame in animation.frames]) if ok else 0


def pyvips(data: bytes) -> int:
    import pyvips as vips

    image = vips.Image.new_from_buffer(data, "n=-1" if data[:4] in (b"GIF8", b"RIFF") else "")
    image.numpy()
    return int(image.get("n-pages")) if image.get_typeof("n-pages") else 1


def decode_alone(data: bytes) -> int:
    from vsd2m.media.decode import decode

    return decode(data).num_frames


def decode_and_measure(data: bytes) -> int:
    from vsd2m.media.decode import decode
    from vsd2m.media.measures import measure

    clip = decode(data)
    measure(clip.frames)
    return clip.num_frames


def whole_probe(data: bytes) -> int:
    from vsd2m.media.probe import probe

    return int(probe(data)["num_frames"])


LIBRARIES: dict[str, Contender] = {"Pillow": pillow, "PyAV": pyav, "OpenCV": opencv, "pyvips": pyvips}
OURS: dict[str, Contender] = {
    "vsd2m decode": decode_alone,
    "vsd2m decode + measures": decode_and_measure,
    "vsd2m probe": whole_probe,
}


def usable(contender: Contender, data: bytes, num_frames: int) -> bool:
    """Whether the contender is installed and reads as many frames as there are."""
    try:
        return contender(data) == num_frames
    except Exception:  # whatever a library raises on a file that it cannot read
        return False


def fastest(files: list[bytes], rounds: int) -> dict[str, dict[int, float]]:
    """Contender -> file -> seconds, for the files that it reads."""
    best: dict[str, dict[int, float]] = defaultdict(dict)
    for index, data in enumerate(files):
        num_frames = decode_alone(data)
        contenders = {
            name: contender for name, contender in {**LIBRARIES, **OURS}.items() if usable(contender, data, num_frames)
        }
        for _ in range(rounds):
            for name, contender in contenders.items():
                started = time.process_time()
                contender(data)
                seconds = time.process_time() - started
                best[name][index] = min(best[name].get(index, seconds), seconds)
    return best


def report(files: list[bytes], best: dict[str, dict[int, float]]) -> None:
    from vsd2m.media.decode import decode
    from vsd2m.media.media_types import sniff

    formats = [sniff(data) for data in files]
    pixels = [decode(data).frames.size // 4 for data in files]
    print("| format | files | megapixels | contender | files read | stickers/s | ns/pixel | probe / this |")
    print("|---|---|---|---|---|---|---|---|")
    library_seconds = {index: min(best[name].get(index, 1e9) for name in LIBRARIES) for index in range(len(files))}
    rows = {**best, "fastest library for each file": library_seconds}
    for media_format in [*sorted(set(formats)), "all"]:
        members = [index for index in range(len(files)) if media_format in (formats[index], "all")]
        for name, seconds in rows.items():
            readable_files = [index for index in members if seconds.get(index, 1e9) < 1e9]
            if not readable_files:
                continue
            total, probed = (sum(table[index] for index in readable_files) for table in (seconds, best["vsd2m probe"]))
            area = sum(pixels[index] for index in readable_files)
            facts = (
                f"{len(members)} | {sum(pixels[index] for index in members) / 1e6:.1f} | {name} | {len(readable_files)}"
            )
            speed = f"{len(readable_files) / total:.0f} | {total / area * 1e9:.1f} | {total / probed:.2f}"
            print(f"| {media_format} | {facts} | {speed} |")


def data_juicer(python: str, paths: list[Path], rounds: int) -> tuple[str, float]:
    """What ran, and its stickers a second."""
    command = [python, "-c", DATA_JUICER, str(rounds)]
    names = json.dumps([str(path) for path in paths])
    process = subprocess.run(command, input=names, capture_output=True, text=True, check=True)
    result = json.loads(process.stdout.strip().splitlines()[-1])
    return result["name"], len(paths) / result["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stickers", type=Path, default=Path(__file__).parents[3] / "shared" / "stickers")
    parser.add_argument("--num-files", type=int, default=150, help="drawn from the folder by chance, always the same")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data-juicer", metavar="PYTHON", help="interpreter of an environment with py-data-juicer")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["VIPS_CONCURRENCY"] = "1"
    suffixes = {".gif", ".png", ".jpg", ".webp"}
    paths = sorted(path for path in options.stickers.rglob("*") if path.suffix in suffixes)
    if not paths:
        sys.exit(f"no stickers in {options.stickers}; name a folder with --stickers")
    paths = sorted(random.Random(0).sample(paths, min(options.num_files, len(paths))))
    files = [path.read_bytes() for path in paths]
    best = fastest(files, options.rounds)
    report(files, best)
    speed = len(files) / sum(best["vsd2m probe"].values())
    if options.data_juicer:
        name, peer = data_juicer(options.data_juicer, paths, options.rounds)
        print(
            f"\nData-Juicer ({name}), first frames: {peer:.0f} stickers/s; probe, all frames: {speed / peer:.2f} of it"
        )


if __name__ == "__main__":
    main()
