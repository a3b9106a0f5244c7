"""What a character is: its kind, its colours, the make of its face, what it wears."""

from dataclasses import dataclass, field

from vsd2m.gallery.drawing.faces import Face
from vsd2m.gallery.drawing.palette import INK, RGB, WHITE


@dataclass(frozen=True)
class Look:
    """One character, ready to draw. `name` is how a caption calls it, as in "an orange cat"."""

    species: str
    name: str
    fur: RGB
    belly: RGB = WHITE
    accent: RGB = INK
    marks: str = ""
    line: RGB = INK
    face: Face = field(default_factory=Face)
    head: tuple[float, float] = (47.0, 40.0)
    hat: str = ""
    garment: str = ""
    cloth: RGB = (236, 70, 78)
    cloth_name: str = "red"

    @property
    def described(self) -> str:
        """The name with what it wears, as in "a white cat in a red scarf"."""
        worn = [f"{word} {self.garment}" for word in (self.cloth_name,) if self.garment]
        hats = {"": "", "glasses": "glasses", "sunglasses": "sunglasses", "headphones": f"{self.cloth_name} headphones"}
        hat = hats.get(self.hat, f"a {self.hat}")
        clothes = [f"a {worn[0]}" if self.garment != "overalls" else worn[0]] if worn else []
        parts = clothes + ([hat] if hat else [])
        return f"{self.name} in {' and '.join(parts)}" if parts else self.name
