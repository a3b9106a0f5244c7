"""What characters do: each action is a pose for every moment t of its loop, t in [0, 1), and what flies around."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from vsd2m.gallery.drawing import props
from vsd2m.gallery.drawing.canvas import Canvas
from vsd2m.gallery.drawing.pose import Pose

Prop = Callable[[Canvas, float], None]


@dataclass(frozen=True)
class Action:
    """`verb` completes a caption: "a panda" + "waves a paw". `room` shrinks the character so that it stays inside."""

    verb: str
    pose: Callable[[float], Pose]
    props: Prop | None = None
    props_behind: bool = False
    room: float = 1.0


def _wave(t: float, cycles: int = 1) -> float:
    return math.sin(2 * math.pi * cycles * t)


def _waving(t: float) -> Pose:
    return Pose(
        right_arm=138 + 24 * _wave(t, 2), left_arm=26, head_degrees=4 * _wave(t), mouth="open", tail=8 * _wave(t)
    )


def _jumping(t: float) -> Pose:
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


def _nodding(t: float) -> Pose:
    dip = max(_wave(t, 2), 0.0)
    return Pose(
        head_y=11 * dip, head_degrees=2 * _wave(t), eyes="closed" if dip > 0.5 else "open", stretch=1 - 0.03 * dip
    )


def _shaking_head(t: float) -> Pose:
    return Pose(
        head_x=9 * _wave(t, 2), head_degrees=7 * _wave(t, 2), eyes="squeezed", mouth="wavy", left_arm=42, right_arm=42
    )


def _spinning(t: float) -> Pose:
    return Pose(degrees=360 * t, eyes="dizzy", mouth="o", left_arm=85, right_arm=85, y=-10)


def _crying(t: float) -> Pose:
    return Pose(
        eyes="squeezed",
        mouth="wail",
        left_arm=30 + 8 * _wave(t, 2),
        right_arm=30 + 8 * _wave(t, 2),
        head_y=2 * _wave(t, 4),
        stretch=1 + 0.02 * _wave(t, 2),
    )


def _laughing(t: float) -> Pose:
    return Pose(
        eyes="happy",
        mouth="grin",
        head_degrees=-9 + 5 * _wave(t, 3),
        head_y=3 * _wave(t, 3),
        left_arm=46,
        right_arm=46,
        stretch=1 + 0.04 * _wave(t, 3),
    )


def _sleeping(t: float) -> Pose:
    return Pose(
        eyes="closed",
        mouth="o",
        head_degrees=-13 + 3 * _wave(t),
        head_y=5 + 2 * _wave(t),
        stretch=0.97 + 0.03 * _wave(t),
        left_arm=18,
        right_arm=18,
    )


def _dancing(t: float) -> Pose:
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


def _running(t: float) -> Pose:
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


def _jogging(t: float) -> Pose:
    return replace(_running(t), x=4 * _wave(t), eyes="squeezed", mouth="wavy")


def _fading(t: float) -> Pose:
    return Pose(
        opacity=0.12 + 0.88 * (0.5 + 0.5 * math.cos(2 * math.pi * t)),
        y=-14 * (0.5 - 0.5 * math.cos(2 * math.pi * t)),
        eyes="closed",
        mouth="smile",
        left_arm=60,
        right_arm=60,
    )


def _pulsing(t: float) -> Pose:
    return Pose(
        scale=0.72 + 0.26 * (0.5 - 0.5 * math.cos(2 * math.pi * t)),
        eyes="stars",
        mouth="open",
        left_arm=70,
        right_arm=70,
    )


def _peeking(t: float) -> Pose:
    hidden = 0.5 + 0.5 * math.cos(2 * math.pi * t)
    return Pose(
        x=-8 + 6 * _wave(t),
        y=112 * hidden,
        eyes="wink" if hidden < 0.2 else "open",
        left_arm=150,
        right_arm=150,
        head_degrees=5 * _wave(t),
    )


def _eating(t: float) -> Pose:
    return Pose(
        eyes="happy" if t > 0.5 else "open",
        mouth="chew" if int(t * 8) % 2 else "smile",
        right_arm=-58,
        left_arm=-52,
        head_y=2 * _wave(t, 4),
    )


def _slurping(t: float) -> Pose:
    return Pose(
        eyes="stars", mouth="o" if int(t * 6) % 2 else "chew", right_arm=22, left_arm=22, head_y=3 * _wave(t, 2)
    )


def _sending_hearts(t: float) -> Pose:
    return Pose(
        eyes="wink", mouth="o" if t < 0.3 else "smile", right_arm=118 - 30 * t, left_arm=24, head_degrees=6 * _wave(t)
    )


def _in_love(t: float) -> Pose:
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


def _angry(t: float) -> Pose:
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


def _surprised(t: float) -> Pose:
    jolt = max(_wave(t), 0.0)
    return Pose(eyes="wide", mouth="o", y=-20 * jolt, stretch=1 + 0.08 * jolt, left_arm=120, right_arm=120, blush=False)


def _shivering(t: float) -> Pose:
    return Pose(eyes="squeezed", mouth="wavy", x=3 * _wave(t, 5), left_arm=-24, right_arm=-24, stretch=0.96, blush=True)


def _thinking(t: float) -> Pose:
    return Pose(eyes="open", mouth="flat", right_arm=-96, left_arm=16, head_degrees=12 + 3 * _wave(t), head_x=2)


def _singing(t: float) -> Pose:
    return Pose(
        eyes="closed" if t > 0.5 else "happy",
        mouth="open" if int(t * 6) % 2 else "grin",
        degrees=6 * _wave(t),
        left_arm=60 + 20 * _wave(t),
        right_arm=60 - 20 * _wave(t),
        tail=12 * _wave(t),
    )


def _celebrating(t: float) -> Pose:
    return Pose(
        eyes="happy",
        mouth="grin",
        left_arm=140 + 14 * _wave(t, 2),
        right_arm=140 - 14 * _wave(t, 2),
        y=-16 * abs(_wave(t)),
    )


def _clapping(t: float) -> Pose:
    close = 0.5 + 0.5 * math.cos(4 * math.pi * t)
    return Pose(
        eyes="happy", mouth="open", left_arm=20 - 62 * close, right_arm=20 - 62 * close, stretch=1 + 0.02 * close
    )


def _bowing(t: float) -> Pose:
    dip = 0.5 - 0.5 * math.cos(2 * math.pi * t)
    return Pose(
        head_y=22 * dip, head_degrees=3, stretch=1 - 0.12 * dip, eyes="closed", mouth="smile", left_arm=8, right_arm=8
    )


def _sulking(t: float) -> Pose:
    return Pose(
        eyes="sad",
        mouth="sad",
        head_y=6,
        head_degrees=-8 + 2 * _wave(t),
        stretch=0.95 + 0.01 * _wave(t),
        left_arm=10,
        right_arm=10,
    )


def _typing(t: float) -> Pose:
    return Pose(
        eyes="open",
        mouth="flat",
        left_arm=18 + 14 * _wave(t, 4),
        right_arm=18 - 14 * _wave(t, 4),
        head_y=2 * _wave(t, 2),
        head_degrees=3 * _wave(t),
    )


def _sipping(t: float) -> Pose:
    return Pose(
        eyes="closed",
        mouth="smile",
        right_arm=-56,
        left_arm=-50,
        head_degrees=3 * _wave(t),
        stretch=1 + 0.015 * _wave(t),
    )


def _floating(t: float) -> Pose:
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


def _offering(t: float) -> Pose:
    return Pose(
        right_arm=78,
        left_arm=30,
        flushed=0.25,
        eyes="happy",
        mouth="smile",
        degrees=4 * _wave(t),
        tail=14 * _wave(t, 2),
    )


def _blowing_candle(t: float) -> Pose:
    return Pose(
        eyes="happy" if t < 0.6 else "stars",
        mouth="open",
        left_arm=20,
        right_arm=20,
        y=-5 * abs(_wave(t)),
        head_degrees=5 * _wave(t),
    )


def _swaying(t: float) -> Pose:
    return Pose(degrees=11 * _wave(t), left_arm=52, right_arm=52, eyes="happy", mouth="smile", tail=10 * _wave(t))


def _fainting(t: float) -> Pose:
    fall = min(t * 1.8, 1.0) ** 2
    return Pose(degrees=-86 * fall, x=24 * fall, y=44 * fall, eyes="dizzy", mouth="wavy", left_arm=60, right_arm=60)


def _flipping(t: float) -> Pose:
    hop = abs(math.sin(math.pi * t))
    return Pose(degrees=360 * t, y=-44 * hop, eyes="happy", mouth="open", left_arm=100, right_arm=100)


def _turning(t: float) -> Pose:
    cosine = math.cos(2 * math.pi * t)
    turn = math.copysign(max(abs(cosine), 0.12), cosine)
    return Pose(turn=turn, eyes="happy", mouth="smile", left_arm=70, right_arm=120, y=-4 * abs(_wave(t)))


def _cheering_on(t: float) -> Pose:
    return Pose(
        eyes="angry",
        mouth="grin",
        right_arm=150 * max(_wave(t, 2), 0.1),
        left_arm=34,
        y=-6 * abs(_wave(t, 2)),
        blush=True,
    )


ACTIONS: dict[str, Action] = {
    "wave": Action("waves hello", _waving),
    "jump": Action("jumps up and down", _jumping, room=0.8),
    "nod": Action("nods", _nodding),
    "shake": Action("shakes its head", _shaking_head, props.sweat),
    "spin": Action("spins round and round", _spinning, room=0.82),
    "cry": Action("cries a river of tears", _crying, props.streaming_tears),
    "laugh": Action("laughs out loud", _laughing),
    "sleep": Action("sleeps", _sleeping, props.sleep_bubble, room=0.95),
    "dance": Action("dances from side to side", _dancing, props.floating_notes),
    "run": Action("runs across from left to right", _running, room=0.8),
    "jog": Action("runs as fast as it can", _jogging, props.speed_lines, props_behind=True, room=0.94),
    "fade": Action("slowly fades away and comes back", _fading),
    "pulse": Action("grows and shrinks", _pulsing, props.sparkles),
    "peek": Action("peeks out from below", _peeking),
    "eat": Action("eats a biscuit", _eating, props.bitten_cookie),
    "noodles": Action("eats a bowl of noodles", _slurping, props.noodles),
    "kiss": Action("throws a kiss", _sending_hearts, props.thrown_heart),
    "love": Action("is in love, with hearts all around", _in_love, props.rising_hearts),
    "angry": Action("is angry and stamps a foot", _angry, props.anger),
    "surprise": Action("jumps in surprise", _surprised, props.exclamation, room=0.88),
    "shiver": Action("shivers in the cold", _shivering, props.shivers),
    "think": Action("thinks hard", _thinking, props.question),
    "sing": Action("sings a song", _singing, props.floating_notes),
    "celebrate": Action("celebrates with confetti", _celebrating, props.confetti, room=0.9),
    "clap": Action("claps", _clapping, props.clapping_lines),
    "bow": Action("takes a bow", _bowing),
    "sulk": Action("stands sadly under a rain cloud", _sulking, props.fallen_rain, room=0.92),
    "type": Action("types on a laptop", _typing, props.laptop),
    "sip": Action("sips from a hot cup", _sipping, props.cup),
    "float": Action("floats under balloons", _floating, props.balloons, room=0.84),
    "flowers": Action("offers a bunch of flowers", _offering, props.flowers),
    "birthday": Action("shows a birthday cake", _blowing_candle, props.cake),
    "sway": Action("sways among soap bubbles", _swaying, props.soap_bubbles),
    "faint": Action("falls over backwards", _fainting, props.dizziness, room=0.84),
    "flip": Action("turns a somersault", _flipping, room=0.72),
    "turn": Action("turns around like a coin", _turning, props.sparkles),
    "umbrella": Action("stands in the rain with an umbrella", _sulking, props.umbrella, room=0.9),
    "cheer": Action("punches the air", _cheering_on, room=0.95),
}
