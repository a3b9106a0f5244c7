"""Colours and their mixtures."""

RGB = tuple[int, int, int]

WHITE: RGB = (255, 255, 255)
INK: RGB = (58, 44, 50)
PINK: RGB = (255, 142, 158)
RED: RGB = (236, 70, 78)
YELLOW: RGB = (255, 208, 64)
BLUE: RGB = (92, 172, 240)
GREEN: RGB = (112, 190, 98)

COLOUR_NAMES: dict[str, RGB] = {
    "red": RED,
    "blue": (72, 132, 220),
    "green": (82, 168, 96),
    "yellow": (250, 200, 52),
    "purple": (150, 104, 208),
    "pink": (250, 130, 164),
    "orange": (248, 148, 54),
    "teal": (52, 172, 176),
}


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """`share` of the second colour in the first, 0..1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def darker(colour: RGB, share: float = 0.2) -> RGB:
    """The colour, mixed with ink."""
    return mix(colour, INK, share)


def lighter(colour: RGB, share: float = 0.3) -> RGB:
    """The colour, mixed with white."""
    return mix(colour, WHITE, share)
