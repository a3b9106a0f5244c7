"""All characters that can appear in a sticker, and their clothes."""

from dataclasses import dataclass, field, replace

import numpy as np

from vsd2m_samples.drawing.faces import Face
from vsd2m_samples.drawing.look import Look
from vsd2m_samples.drawing.outfits import GARMENTS, HATS
from vsd2m_samples.drawing.palette import COLOUR_NAMES, INK, RGB, WHITE, mix
from vsd2m_samples.drawing.things import THINGS


@dataclass(frozen=True)
class Kind:
    """A species: its coats (name, fur, belly, accent, marks) and the shape of its face."""

    coats: tuple[tuple[str, RGB, RGB, RGB, str], ...]
    face: Face = field(default_factory=Face)
    head: tuple[float, float] = (47.0, 40.0)
    hats: tuple[str, ...] = tuple(HATS)


_CREAM: RGB = (255, 240, 214)
_BLACK: RGB = (64, 60, 68)
_ANIMAL = Face()
_THING = Face(eye_x=16, eye_y=-2, mouth_y=13, eye_size=0.95)

KINDS: dict[str, Kind] = {
    "cat": Kind(
        (
            ("an orange tabby cat", (250, 176, 92), _CREAM, (214, 122, 44), "tabby"),
            ("a grey tabby cat", (174, 180, 190), WHITE, (116, 122, 136), "tabby"),
            ("a white cat", (252, 250, 246), (255, 240, 236), (230, 220, 214), ""),
            ("a calico cat", (255, 252, 244), WHITE, (92, 78, 76), "calico"),
            ("a siamese cat", (244, 230, 208), _CREAM, (142, 110, 92), "siamese"),
            ("a black and white cat", (84, 80, 92), WHITE, (60, 56, 66), "bicolour"),
        ),
        Face(mouth_style="cat", mouth_y=17),
    ),
    "dog": Kind(
        (
            ("a golden dog", (246, 198, 124), _CREAM, (222, 158, 80), ""),
            ("a brown dog", (186, 132, 92), (250, 232, 208), (132, 88, 60), ""),
            ("a spotted white dog", (253, 250, 244), WHITE, (150, 108, 78), "patch"),
            ("a husky", (138, 150, 170), WHITE, (100, 112, 134), "husky"),
        ),
        Face(mouth_y=21, eye_y=-4),
    ),
    "bear": Kind(
        (
            ("a brown bear", (180, 126, 86), (242, 214, 176), (132, 86, 56), ""),
            ("a polar bear", (248, 250, 252), (228, 236, 244), (210, 222, 234), ""),
            ("a honey bear", (238, 182, 96), (255, 234, 190), (196, 138, 60), ""),
        ),
        Face(eye_style="bead", mouth_y=21, eye_y=-3, eye_x=20),
    ),
    "panda": Kind(
        (
            ("a panda", (253, 253, 250), WHITE, _BLACK, ""),
            ("a brown panda", (252, 244, 232), WHITE, (140, 100, 76), ""),
        ),
        Face(eye_x=20, eye_y=1, eye_style="white", eye_size=0.75, mouth_y=20),
    ),
    "koala": Kind(
        (("a koala", (172, 182, 196), (238, 240, 244), (130, 140, 156), ""),),
        Face(eye_style="bead", eye_x=22, eye_y=-3, mouth_y=25),
    ),
    "rabbit": Kind(
        (
            ("a white rabbit", (254, 250, 250), WHITE, (240, 224, 226), ""),
            ("a brown rabbit", (206, 168, 130), _CREAM, (170, 130, 96), "lop"),
            ("a pink rabbit", (255, 200, 212), WHITE, (240, 160, 180), "lop"),
        ),
        Face(mouth_style="cat", mouth_y=17),
        hats=("bow", "flower", "glasses", "sunglasses"),
    ),
    "fox": Kind(
        (
            ("a red fox", (242, 130, 66), _CREAM, (92, 62, 58), ""),
            ("a snow fox", (240, 244, 250), WHITE, (150, 168, 196), ""),
        ),
        Face(mouth_y=20, eye_y=-3),
    ),
    "mouse": Kind(
        (
            ("a grey mouse", (182, 184, 196), (240, 240, 244), (150, 150, 164), ""),
            ("a beige mouse", (232, 208, 178), _CREAM, (200, 170, 140), ""),
        ),
        Face(mouth_y=19, eye_style="bead", eye_size=1.25),
        head=(44, 37),
        hats=("bow", "flower", "glasses", "crown"),
    ),
    "hamster": Kind(
        (
            ("a hamster", (244, 196, 130), (255, 250, 240), (214, 156, 90), ""),
            ("a grey hamster", (190, 186, 190), WHITE, (150, 146, 152), ""),
        ),
        Face(mouth_style="cat", mouth_y=18, eye_style="bead", eye_size=1.3, eye_y=-4),
        head=(52, 40),
    ),
    "pig": Kind(
        (("a pink pig", (255, 192, 200), (255, 220, 222), (240, 150, 164), ""),),
        Face(mouth_y=25, eye_y=-6, eye_x=21, eye_style="bead", eye_size=1.2),
        head=(49, 40),
    ),
    "cow": Kind(
        (
            ("a cow", (253, 251, 247), WHITE, (86, 74, 74), ""),
            ("a brown cow", (253, 246, 236), WHITE, (168, 112, 76), ""),
        ),
        Face(mouth_y=26, eye_y=-6, eye_x=20),
        hats=("bow", "flower", "sunglasses", "leaf"),
    ),
    "sheep": Kind(
        (
            ("a sheep", (255, 228, 206), (255, 253, 248), (90, 80, 84), ""),
            ("a black-faced sheep", (110, 100, 108), (252, 250, 244), (70, 64, 70), ""),
        ),
        Face(mouth_y=18, eye_x=17, eye_style="white", eye_size=0.85),
        head=(40, 37),
        hats=("bow", "flower", "glasses", "crown"),
    ),
    "lion": Kind(
        (("a lion", (250, 204, 110), _CREAM, (206, 120, 48), ""),),
        Face(mouth_y=21, eye_y=-4),
        head=(43, 38),
        hats=("crown", "glasses", "sunglasses"),
    ),
    "tiger": Kind(
        (("a tiger", (252, 172, 70), _CREAM, (92, 66, 56), ""),), Face(mouth_style="cat", mouth_y=18, eye_y=-1)
    ),
    "frog": Kind(
        (
            ("a green frog", (132, 204, 104), (226, 244, 196), (92, 164, 72), ""),
            ("a teal frog", (92, 196, 178), (220, 246, 232), (60, 150, 138), ""),
        ),
        Face(eye_x=24, eye_y=-33, eye_style="white", mouth_y=10, eye_size=1.05, cheek=(255, 150, 140)),
        head=(52, 37),
        hats=("",),
    ),
    "unicorn": Kind(
        (("a unicorn", (254, 250, 255), (250, 238, 255), (214, 190, 240), ""),),
        Face(mouth_y=18),
        hats=("flower", "glasses"),
    ),
    "penguin": Kind(
        (
            ("a penguin", (72, 84, 112), WHITE, (52, 62, 88), ""),
            ("a blue penguin", (98, 154, 214), WHITE, (70, 120, 180), ""),
        ),
        Face(mouth_style="beak", mouth_y=14, eye_x=17, eye_style="bead", eye_size=1.2),
    ),
    "chick": Kind(
        (
            ("a yellow chick", (255, 222, 92), (255, 242, 170), (240, 190, 50), ""),
            ("a white chick", (255, 252, 240), (255, 246, 220), (240, 230, 200), ""),
        ),
        Face(mouth_style="beak", mouth_y=11, eye_style="bead", eye_size=1.25, eye_x=20, eye_y=-3),
        head=(45, 41),
    ),
    "owl": Kind(
        (
            ("a brown owl", (168, 126, 96), (252, 234, 206), (130, 92, 66), ""),
            ("a purple owl", (160, 136, 200), (240, 230, 252), (120, 96, 164), ""),
        ),
        Face(mouth_style="beak", mouth_y=14, eye_style="white", eye_size=1.25, eye_x=18),
    ),
    "sun": Kind((("a sun", (255, 212, 70), WHITE, (255, 160, 56), ""),), _THING, hats=("sunglasses", "bow")),
    "star": Kind(
        (
            ("a yellow star", (255, 216, 76), WHITE, (244, 170, 50), ""),
            ("a pink star", (255, 168, 196), WHITE, (240, 120, 160), ""),
        ),
        Face(eye_x=15, eye_y=0, mouth_y=14, eye_size=0.9),
        hats=("", "sunglasses"),
    ),
    "heart": Kind(
        (
            ("a red heart", (242, 84, 98), WHITE, (200, 52, 70), ""),
            ("a pink heart", (255, 152, 184), WHITE, (236, 108, 150), ""),
        ),
        Face(eye_x=18, eye_y=-8, mouth_y=8, cheek=(255, 220, 220)),
        hats=("", "bow", "glasses"),
    ),
    "cloud": Kind(
        (
            ("a cloud", (248, 251, 255), WHITE, (176, 206, 240), ""),
            ("a rain cloud", (168, 182, 204), WHITE, (110, 130, 166), ""),
        ),
        Face(eye_x=18, eye_y=2, mouth_y=17),
        hats=("", "bow", "crown"),
    ),
    "moon": Kind(
        (
            ("a full moon", (255, 238, 168), WHITE, (240, 206, 96), ""),
            ("a blue moon", (178, 204, 244), WHITE, (128, 160, 220), ""),
        ),
        _THING,
        hats=("", "beanie", "party hat"),
    ),
    "ghost": Kind(
        (
            ("a white ghost", (252, 252, 255), WHITE, (210, 214, 236), ""),
            ("a purple ghost", (204, 184, 246), WHITE, (160, 136, 220), ""),
        ),
        Face(eye_x=17, eye_y=-12, mouth_y=6),
        hats=("", "bow", "party hat", "crown", "straw hat"),
    ),
    "robot": Kind(
        (
            ("a blue robot", (110, 170, 226), WHITE, (250, 196, 70), ""),
            ("a grey robot", (178, 188, 200), WHITE, (236, 100, 96), ""),
            ("a green robot", (120, 196, 150), WHITE, (250, 150, 80), ""),
        ),
        Face(eye_x=19, eye_y=-4, mouth_y=15, eye_style="bead", eye_size=1.5),
        hats=("", "headphones"),
    ),
    "rice ball": Kind(
        (("a rice ball", (253, 252, 248), WHITE, (58, 66, 60), ""),),
        Face(eye_x=17, eye_y=-2, mouth_y=12, eye_style="bead", eye_size=1.2),
        hats=("", "leaf"),
    ),
    "strawberry": Kind(
        (("a strawberry", (240, 78, 88), WHITE, (104, 180, 84), ""),),
        Face(eye_x=17, eye_y=-6, mouth_y=10, cheek=(255, 210, 200)),
        hats=("", "glasses"),
    ),
    "cactus": Kind(
        (("a cactus", (120, 190, 116), WHITE, (214, 128, 84), ""),),
        Face(eye_x=15, eye_y=-12, mouth_y=3, eye_size=0.85),
        hats=("", "glasses"),
    ),
    "fried egg": Kind(
        (("a fried egg", (255, 254, 248), WHITE, (255, 206, 64), ""),),
        Face(eye_x=13, eye_y=-3, mouth_y=11, eye_size=0.8),
        hats=("",),
    ),
    "mushroom": Kind(
        (
            ("a red mushroom", (232, 84, 78), (255, 244, 224), (200, 60, 60), ""),
            ("a purple mushroom", (164, 120, 210), (255, 244, 234), (130, 88, 180), ""),
        ),
        Face(eye_x=14, eye_y=22, mouth_y=35, eye_size=0.8),
        hats=("",),
    ),
    "bubble tea": Kind(
        (
            ("a bubble tea", (232, 196, 156), WHITE, (244, 120, 130), ""),
            ("a matcha bubble tea", (190, 214, 148), WHITE, (110, 160, 90), ""),
        ),
        Face(eye_x=16, eye_y=-10, mouth_y=4),
        hats=("",),
    ),
    "avocado": Kind(
        (("an avocado", (214, 230, 140), WHITE, (94, 136, 66), ""),),
        Face(eye_x=14, eye_y=-16, mouth_y=-2, eye_size=0.85),
        hats=("",),
    ),
    "planet": Kind(
        (
            ("a purple planet", (172, 142, 226), WHITE, (250, 196, 110), ""),
            ("a green planet", (122, 204, 176), WHITE, (246, 150, 130), ""),
        ),
        Face(eye_x=17, eye_y=-10, mouth_y=6, eye_size=0.9),
        hats=("", "crown"),
    ),
    "snowman": Kind(
        (("a snowman", (250, 252, 255), WHITE, (70, 66, 82), ""),),
        Face(eye_x=14, eye_y=-20, mouth_y=6, eye_style="bead", eye_size=1.1),
        hats=("",),
    ),
    "peach": Kind(
        (("a peach", (255, 182, 160), WHITE, (124, 190, 96), ""),),
        Face(eye_x=17, eye_y=-2, mouth_y=13, cheek=(250, 100, 110)),
        hats=("", "glasses"),
    ),
    "octopus": Kind(
        (
            ("a red octopus", (244, 120, 104), WHITE, (216, 84, 72), ""),
            ("a violet octopus", (180, 134, 216), WHITE, (140, 96, 180), ""),
        ),
        Face(eye_x=19, eye_y=-10, mouth_y=10),
        hats=("", "bow", "crown", "party hat"),
    ),
}


def draw_lots(species: str, rng: np.random.Generator) -> Look:
    """A random member of a species, perhaps dressed, with a name that mentions its clothes."""
    kind = KINDS[species]
    name, fur, belly, accent, marks = kind.coats[rng.integers(len(kind.coats))]
    cloth_name = str(rng.choice(sorted(COLOUR_NAMES)))
    hat = str(rng.choice(list(kind.hats))) if rng.random() < 0.42 else ""
    wears_cloth = species not in THINGS and rng.random() < 0.5
    garment = str(rng.choice(list(GARMENTS))) if wears_cloth else ""
    dark = max(fur) < 120
    return Look(
        species=species,
        name=name,
        fur=fur,
        belly=belly,
        accent=accent,
        marks=marks,
        line=mix(INK, (0, 0, 0), 0.3) if dark else mix(fur, INK, 0.86),
        face=_face(kind.face, rng),
        head=(kind.head[0] * rng.uniform(0.96, 1.06), kind.head[1] * rng.uniform(0.96, 1.06)),
        hat=hat,
        garment=garment,
        cloth=COLOUR_NAMES[cloth_name],
        cloth_name=cloth_name,
    )


def _face(face: Face, rng: np.random.Generator) -> Face:
    style = face.eye_style
    if style == "shiny" and rng.random() < 0.3:
        style = "bead"
    return replace(
        face,
        eye_style=style,
        eye_x=face.eye_x * rng.uniform(0.92, 1.1),
        eye_size=face.eye_size * rng.uniform(0.95, 1.15),
    )
