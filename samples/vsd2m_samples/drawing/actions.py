"""The actions of characters: a pose for every moment of a loop, and moving props."""

from collections.abc import Callable
from dataclasses import dataclass

from vsd2m_samples.drawing import poses, props
from vsd2m_samples.drawing.canvas import Canvas
from vsd2m_samples.drawing.pose import Pose

Prop = Callable[[Canvas, float], None]


@dataclass(frozen=True)
class Action:
    """`verb` completes a caption: "a panda" + "waves a paw". `room` shrinks the character so that it stays inside."""

    verb: str
    pose: Callable[[float], Pose]
    props: Prop | None = None
    props_behind: bool = False
    room: float = 1.0


ACTIONS: dict[str, Action] = {
    "wave": Action("waves hello", poses.waving),
    "jump": Action("jumps up and down", poses.jumping, room=0.8),
    "nod": Action("nods", poses.nodding),
    "shake": Action("shakes its head", poses.shaking_head, props.sweat),
    "spin": Action("spins round and round", poses.spinning, room=0.82),
    "cry": Action("cries a river of tears", poses.crying, props.streaming_tears),
    "laugh": Action("laughs out loud", poses.laughing),
    "sleep": Action("sleeps", poses.sleeping, props.sleep_bubble, room=0.95),
    "dance": Action("dances from side to side", poses.dancing, props.floating_notes),
    "run": Action("runs across from left to right", poses.running, room=0.8),
    "jog": Action("runs as fast as it can", poses.jogging, props.speed_lines, props_behind=True, room=0.94),
    "fade": Action("slowly fades away and comes back", poses.fading),
    "pulse": Action("grows and shrinks", poses.pulsing, props.sparkles),
    "peek": Action("peeks out from below", poses.peeking),
    "eat": Action("eats a biscuit", poses.eating, props.bitten_cookie),
    "noodles": Action("eats a bowl of noodles", poses.slurping, props.noodles),
    "kiss": Action("throws a kiss", poses.sending_hearts, props.thrown_heart),
    "love": Action("is in love, with hearts all around", poses.in_love, props.rising_hearts),
    "angry": Action("is angry and stamps a foot", poses.angry, props.anger),
    "surprise": Action("jumps in surprise", poses.surprised, props.exclamation, room=0.88),
    "shiver": Action("shivers in the cold", poses.shivering, props.shivers),
    "think": Action("thinks hard", poses.thinking, props.question),
    "sing": Action("sings a song", poses.singing, props.floating_notes),
    "celebrate": Action("celebrates with confetti", poses.celebrating, props.confetti, room=0.9),
    "clap": Action("claps", poses.clapping, props.clapping_lines),
    "bow": Action("takes a bow", poses.bowing),
    "sulk": Action("stands sadly under a rain cloud", poses.sulking, props.fallen_rain, room=0.92),
    "type": Action("types on a laptop", poses.typing, props.laptop),
    "sip": Action("sips from a hot cup", poses.sipping, props.cup),
    "float": Action("floats under balloons", poses.floating, props.balloons, room=0.84),
    "flowers": Action("offers a bunch of flowers", poses.offering, props.flowers),
    "birthday": Action("shows a birthday cake", poses.blowing_candle, props.cake),
    "sway": Action("sways among soap bubbles", poses.swaying, props.soap_bubbles),
    "faint": Action("falls over backwards", poses.fainting, props.dizziness, room=0.84),
    "flip": Action("turns a somersault", poses.flipping, room=0.72),
    "turn": Action("turns around like a coin", poses.turning, props.sparkles),
    "umbrella": Action("stands in the rain with an umbrella", poses.sulking, props.umbrella, room=0.9),
    "cheer": Action("punches the air", poses.cheering_on, room=0.95),
}
