"""How many of the tests' Lottie documents thorvg (through `decode`) and rlottie draw as the specification says.

    pip install rlottie-python==1.3.8
    python measurements/studies/lottie_renderers.py

The documents, and the colours that some of their pixels must have, are those of `tests/media/lottie_cases.py`.
"""

import json
import sys
from pathlib import Path

import numpy as np

from vsd2m.core.errors import MediaError
from vsd2m.media.decode import decode
from vsd2m.media.decoders.premultiplied import to_straight_rgba

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "media"))
from lottie_cases import CASES, Case


def by_thorvg(document: dict) -> list[np.ndarray]:
    return list(decode(json.dumps(document).encode()).frames)


def by_rlottie(document: dict) -> list[np.ndarray]:
    from rlottie_python.rlottie_wrapper import LottieAnimation

    animation = LottieAnimation.from_data(json.dumps(document))
    width, height = document["w"], document["h"]
    frames = []
    for index in range(document["op"] - document["ip"]):
        pixels = animation.lottie_animation_render(index, width=width, height=height)
        frame = np.frombuffer(pixels, np.uint8).reshape(height, width, 4).copy()
        to_straight_rgba(frame)
        frames.append(frame)
    return frames


def verdict(draw, case: Case) -> str:
    try:
        frames = draw(case.document)
    except MediaError as error:
        return error.reason
    errors = [np.abs(frames[frame][y, x].astype(int) - color).max() for frame, x, y, color in case.pixels]
    return "right" if max(errors) <= case.tolerance else f"wrong by {max(errors)}"


def main() -> None:
    print("| document | thorvg | rlottie |\n|---|---|---|")
    verdicts = [(verdict(by_thorvg, case), verdict(by_rlottie, case)) for case in CASES]
    for case, (thorvg, rlottie) in zip(CASES, verdicts, strict=True):
        print(f"| {case.name} | {thorvg} | {rlottie} |")
    right = [sum(verdict == "right" for verdict in column) for column in zip(*verdicts, strict=True)]
    print(f"| right, of {len(CASES)} | {right[0]} | {right[1]} |")


if __name__ == "__main__":
    main()
