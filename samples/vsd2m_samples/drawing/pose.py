"""A character at one moment: the positions of its parts, and its face."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pose:
    """One moment of an action. Lengths in units of a character 150 high; angles in degrees, clockwise.

    Arms hang at 0 and point straight up at 180. `stretch` above 1 is taller and thinner. `turn` scales the width:
    -1 is the mirror image. `opacity` is 0..1.
    """

    x: float = 0.0
    y: float = 0.0
    degrees: float = 0.0
    scale: float = 1.0
    stretch: float = 1.0
    turn: float = 1.0
    opacity: float = 1.0
    head_degrees: float = 0.0
    head_x: float = 0.0
    head_y: float = 0.0
    left_arm: float = 30.0
    right_arm: float = 30.0
    left_leg: float = 0.0
    right_leg: float = 0.0
    tail: float = 0.0
    eyes: str = "open"
    mouth: str = "smile"
    blush: bool = True
    flushed: float = 0.0
