"""The pose of every action at moment t of its loop, t in [0, 1)."""

import math
from dataclasses import replace

from vsd2m_samples.drawing.pose import Pose


def _wave(t: float, cycles: int = 1) -> float:
    return math.sin(2 * math.pi * cycles * t)


def waving(t: float) -> Pose:
    return Pose(
        right_arm=138 + 24 * _wave(t, 2), left_arm=26, head_degrees=4 * _wave(t), mouth="open", tail=8 * _wave(t)
    )


def jumping(t: float) -> Pose:
    height = abs(math.sin(math.pi * t * 2))
    stretch = 1.0 + 0.12 * (height - 0.35)
    arms = 60 + 80 * height
    return Pose(
        y=-38 * height,
        stretch=stretch,
        left_arm=arms,
        right_arm=arms,
        left_leg=-8 * height,
        right_leg=-8 * height,
        eyes="happy",
        mouth="grin",
    )


def nodding(t: float) -> Pose:
    dip = max(_wave(t, 2), 0.0)
    return Pose(
        head_y=11 * dip, head_degrees=2 * _wave(t), eyes="closed" if dip > 0.5 else "open", stretch=1 - 0.03 * dip
    )


def shaking_head(t: float) -> Pose:
    return Pose(
        head_x=9 * _wave(t, 2), head_degrees=7 * _wave(t, 2), eyes="squeezed", mouth="wavy", left_arm=42, right_arm=42
    )


def spinning(t: float) -> Pose:
    return Pose(degrees=360 * t, eyes="dizzy", mouth="o", left_arm=85, right_arm=85, y=-10)


def crying(t: float) -> Pose:
    return Pose(
        eyes="squeezed",
        mouth="wail",
        left_arm=30 + 8 * _wave(t, 2),
        right_arm=30 + 8 * _wave(t, 2),
        head_y=2 * _wave(t, 4),
        stretch=1 + 0.02 * _wave(t, 2),
    )


def laughing(t: float) -> Pose:
    return Pose(
        eyes="happy",
        mouth="grin",
        head_degrees=-9 + 5 * _wave(t, 3),
        head_y=3 * _wave(t, 3),
        left_arm=46,
        right_arm=46,
        stretch=1 + 0.04 * _wave(t, 3),
    )


def sleeping(t: float) -> Pose:
    return Pose(
        eyes="closed",
        mouth="o",
        head_degrees=-13 + 3 * _wave(t),
        head_y=5 + 2 * _wave(t),
        stretch=0.97 + 0.03 * _wave(t),
        left_arm=18,
        right_arm=18,
    )


def dancing(t: float) -> Pose:
    swing = _wave(t)
    return Pose(
        x=10 * swing,
        degrees=8 * swing,
        left_arm=90 + 55 * swing,
        right_arm=90 - 55 * swing,
        left_leg=10 * max(swing, 0),
        right_leg=10 * max(-swing, 0),
        eyes="happy",
        mouth="open",
        tail=20 * swing,
    )


def running(t: float) -> Pose:
    stride = _wave(t, 2)
    return Pose(
        x=-112 + 224 * t,
        y=-6 * abs(stride),
        degrees=9,
        left_arm=50 + 40 * stride,
        right_arm=50 - 40 * stride,
        left_leg=16 * max(stride, 0),
        right_leg=16 * max(-stride, 0),
        mouth="open",
        tail=18 * stride,
    )


def jogging(t: float) -> Pose:
    return replace(running(t), x=4 * _wave(t), eyes="squeezed", mouth="wavy")


def fading(t: float) -> Pose:
    return Pose(
        opacity=0.12 + 0.88 * (0.5 + 0.5 * math.cos(2 * math.pi * t)),
        y=-14 * (0.5 - 0.5 * math.cos(2 * math.pi * t)),
        eyes="closed",
        mouth="smile",
        left_arm=60,
        right_arm=60,
    )


def pulsing(t: float) -> Pose:
    return Pose(
        scale=0.72 + 0.26 * (0.5 - 0.5 * math.cos(2 * math.pi * t)),
        eyes="stars",
        mouth="open",
        left_arm=70,
        right_arm=70,
    )


def peeking(t: float) -> Pose:
    hidden = 0.5 + 0.5 * math.cos(2 * math.pi * t)
    return Pose(
        x=-8 + 6 * _wave(t),
        y=112 * hidden,
        eyes="wink" if hidden < 0.2 else "open",
        left_arm=150,
        right_arm=150,
        head_degrees=5 * _wave(t),
    )


def eating(t: float) -> Pose:
    return Pose(
        eyes="happy" if t > 0.5 else "open",
        mouth="chew" if int(t * 8) % 2 else "smile",
        right_arm=-58,
        left_arm=-52,
        head_y=2 * _wave(t, 4),
    )


def slurping(t: float) -> Pose:
    return Pose(
        eyes="stars", mouth="o" if int(t * 6) % 2 else "chew", right_arm=22, left_arm=22, head_y=3 * _wave(t, 2)
    )


def sending_hearts(t: float) -> Pose:
    return Pose(
        eyes="wink", mouth="o" if t < 0.3 else "smile", right_arm=118 - 30 * t, left_arm=24, head_degrees=6 * _wave(t)
    )


def in_love(t: float) -> Pose:
    return Pose(
        eyes="hearts",
        mouth="open",
        flushed=0.35,
        left_arm=54,
        right_arm=54,
        y=-6 * abs(_wave(t)),
        degrees=5 * _wave(t),
        tail=16 * _wave(t, 2),
    )


def angry(t: float) -> Pose:
    return Pose(
        eyes="angry",
        mouth="sad",
        flushed=0.75 + 0.2 * _wave(t, 2),
        x=2.5 * _wave(t, 4),
        left_arm=70,
        right_arm=70,
        blush=False,
        right_leg=12 * max(_wave(t, 2), 0),
    )


def surprised(t: float) -> Pose:
    jolt = max(_wave(t), 0.0)
    return Pose(eyes="wide", mouth="o", y=-20 * jolt, stretch=1 + 0.08 * jolt, left_arm=120, right_arm=120, blush=False)


def shivering(t: float) -> Pose:
    return Pose(eyes="squeezed", mouth="wavy", x=3 * _wave(t, 5), left_arm=-24, right_arm=-24, stretch=0.96, blush=True)


def thinking(t: float) -> Pose:
    return Pose(eyes="open", mouth="flat", right_arm=-96, left_arm=16, head_degrees=12 + 3 * _wave(t), head_x=2)


def singing(t: float) -> Pose:
    return Pose(
        eyes="closed" if t > 0.5 else "happy",
        mouth="open" if int(t * 6) % 2 else "grin",
        degrees=6 * _wave(t),
        left_arm=60 + 20 * _wave(t),
        right_arm=60 - 20 * _wave(t),
        tail=12 * _wave(t),
    )


def celebrating(t: float) -> Pose:
    return Pose(
        eyes="happy",
        mouth="grin",
        left_arm=140 + 14 * _wave(t, 2),
        right_arm=140 - 14 * _wave(t, 2),
        y=-16 * abs(_wave(t)),
    )


def clapping(t: float) -> Pose:
    close = 0.5 + 0.5 * math.cos(4 * math.pi * t)
    return Pose(
        eyes="happy", mouth="open", left_arm=20 - 62 * close, right_arm=20 - 62 * close, stretch=1 + 0.02 * close
    )


def bowing(t: float) -> Pose:
    dip = 0.5 - 0.5 * math.cos(2 * math.pi * t)
    return Pose(
        head_y=22 * dip, head_degrees=3, stretch=1 - 0.12 * dip, eyes="closed", mouth="smile", left_arm=8, right_arm=8
    )


def sulking(t: float) -> Pose:
    return Pose(
        eyes="sad",
        mouth="sad",
        head_y=6,
        head_degrees=-8 + 2 * _wave(t),
        stretch=0.95 + 0.01 * _wave(t),
        left_arm=10,
        right_arm=10,
    )


def typing(t: float) -> Pose:
    return Pose(
        eyes="open",
        mouth="flat",
        left_arm=18 + 14 * _wave(t, 4),
        right_arm=18 - 14 * _wave(t, 4),
        head_y=2 * _wave(t, 2),
        head_degrees=3 * _wave(t),
    )


def sipping(t: float) -> Pose:
    return Pose(
        eyes="closed",
        mouth="smile",
        right_arm=-56,
        left_arm=-50,
        head_degrees=3 * _wave(t),
        stretch=1 + 0.015 * _wave(t),
    )


def floating(t: float) -> Pose:
    return Pose(
        x=4 * _wave(t),
        y=-22 - 14 * _wave(t),
        degrees=4 * _wave(t),
        right_arm=128,
        left_arm=44,
        eyes="happy",
        mouth="open",
        left_leg=-9,
        right_leg=-9,
    )


def offering(t: float) -> Pose:
    return Pose(
        right_arm=78,
        left_arm=30,
        flushed=0.25,
        eyes="happy",
        mouth="smile",
        degrees=4 * _wave(t),
        tail=14 * _wave(t, 2),
    )


def blowing_candle(t: float) -> Pose:
    return Pose(
        eyes="happy" if t < 0.6 else "stars",
        mouth="open",
        left_arm=20,
        right_arm=20,
        y=-5 * abs(_wave(t)),
        head_degrees=5 * _wave(t),
    )


def swaying(t: float) -> Pose:
    return Pose(degrees=11 * _wave(t), left_arm=52, right_arm=52, eyes="happy", mouth="smile", tail=10 * _wave(t))


def fainting(t: float) -> Pose:
    fall = min(t * 1.8, 1.0) ** 2
    return Pose(degrees=-86 * fall, x=24 * fall, y=44 * fall, eyes="dizzy", mouth="wavy", left_arm=60, right_arm=60)


def flipping(t: float) -> Pose:
    hop = abs(math.sin(math.pi * t))
    return Pose(degrees=360 * t, y=-44 * hop, eyes="happy", mouth="open", left_arm=100, right_arm=100)


def turning(t: float) -> Pose:
    cosine = math.cos(2 * math.pi * t)
    turn = math.copysign(max(abs(cosine), 0.12), cosine)
    return Pose(turn=turn, eyes="happy", mouth="smile", left_arm=70, right_arm=120, y=-4 * abs(_wave(t)))


def cheering_on(t: float) -> Pose:
    return Pose(
        eyes="angry",
        mouth="grin",
        right_arm=150 * max(_wave(t, 2), 0.1),
        left_arm=34,
        y=-6 * abs(_wave(t, 2)),
        blush=True,
    )
