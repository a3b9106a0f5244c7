"""The look of a character: its kind, its colours, the shape of its face, its clothes."""

from dataclasses import dataclass, field

from vsd2m_samples.drawing.faces import Face
from vsd2m_samples.drawing.palette import INK, RGB, WHITE


@dataclass(frozen=True)
class Look:
    """One character, ready to draw. `name` is its name in captions, as in "an orange cat"."""

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
        """The name with its clothes, as in "a white cat in a red scarf"."""
        bare = {"glasses": "glasses", "sunglasses": "sunglasses", "headphones": f"{self.cloth_name} headphones"}
        hat = bare.get(self.hat, f"a {self.hat}") if self.hat else ""
        clothes = [part for part in (self._garment_described(), hat) if part]
        return f"{self.name} in {' and '.join(clothes)}" if clothes else self.name

    def _garment_described(self) -> str:
        if not self.garment:
            return ""
        article = "" if self.garment == "overalls" else "an " if self.cloth_name == "orange" else "a "
        return f"{article}{self.cloth_name} {self.garment}"
