"""SVG charts drawn by matplotlib and coloured by the page's style sheet, so that they follow light and dark.

Texts stay texts in the reader's font. The same data gives the same bytes: no date, no random ids, and no
settings of the user's matplotlib.
"""

import io
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from vsd2m.core.registry import import_extra

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 360
"""Width of a chart in pixels: that of a phone, so that its texts are readable there; wider screens enlarge it
slightly."""

FONT_SIZE = 12.0
NUM_SERIES = 9
_ENLARGED = 1.3

_NAMES = ("ink", "soft", "line", "main", "kept", "dropped", "failed", *(f"s{n}" for n in range(NUM_SERIES)))
COLOURS = {name: f"#0000{number:02x}" for number, name in enumerate(_NAMES, start=1)}
"""Colour variable of the style sheet -> the placeholder colour with which matplotlib draws it."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "vsd2m",
    "font.family": ["DejaVu Sans"],
    "font.size": FONT_SIZE,
    "text.parse_math": False,
    "text.color": COLOURS["ink"],
    "axes.facecolor": "none",
    "axes.edgecolor": COLOURS["line"],
    "axes.labelcolor": COLOURS["soft"],
    "axes.titlesize": FONT_SIZE + 1,
    "axes.labelsize": FONT_SIZE - 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": COLOURS["line"],
    "grid.linewidth": 0.8,
    "xtick.color": COLOURS["soft"],
    "ytick.color": COLOURS["soft"],
    "xtick.labelsize": FONT_SIZE - 0.5,
    "ytick.labelsize": FONT_SIZE - 0.5,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "xtick.minor.size": 0.0,
    "ytick.minor.size": 0.0,
}
_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


@dataclass
class Chart:
    """A chart while it is drawn; afterwards `svg` holds its markup."""

    figure: "Figure"
    width: float
    height: float
    svg: "Markup | None" = None
    _tips: list[str] = field(default_factory=list)

    def axes(self, *, left: float, bottom: float, right: float = 8, top: float = 8, **options: Any) -> "Axes":
        """Axes with these margins in pixels."""
        return self.axes_at(left, bottom, self.width - left - right, self.height - bottom - top, **options)

    def axes_at(self, x: float, y: float, width: float, height: float, **options: Any) -> "Axes":
        """Axes whose lower left corner is at `x` and `y`, in pixels from that of the chart."""
        box = (x / self.width, y / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box, **options)

    def tip(self, artist: "Artist", text: str) -> None:
        """Shows `text` when the mouse is over `artist`; screen readers read it too."""
        artist.set_gid(f"tip{len(self._tips)}")
        self._tips.append(text)

    def finish(self, label: str, *, standalone: bool) -> None:
        """Renders the chart; sets `svg`."""
        markupsafe = import_extra("markupsafe", extra="pages")
        sink = io.StringIO()
        with warnings.catch_warnings():
            # the font for measuring lacks some letters, such as Chinese; the reader's fonts have them
            warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
            self.figure.savefig(sink, format="svg", transparent=True, metadata=_METADATA)
        body = _body(sink.getvalue(), self._tips)
        style = f"<style>{files('vsd2m.pages').joinpath('templates/colours.css').read_text('utf-8')}</style>"
        self.svg = markupsafe.Markup(
            f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="0 0 {self.width:g} {self.height:g}" style="max-width:{_ENLARGED * self.width:.0f}px" '
            f'role="img" aria-label="{escape(label)}">{style if standalone else ""}{body}</svg>\n'
        )


@contextmanager
def chart(height: float, label: str, *, width: float = WIDTH, standalone: bool = False) -> Iterator[Chart]:
    """A chart to draw into, `label` its alternative text; a `standalone` one contains its colours."""
    import_extra("matplotlib", extra="pages")
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        plot = Chart(Figure(figsize=(width / 72, height / 72), dpi=72), width, height)
        yield plot
        plot.finish(label, standalone=standalone)


def series_colour(number: int) -> str:
    """The colour of the model or training of this number; they repeat after `NUM_SERIES`."""
    return COLOURS[f"s{number % NUM_SERIES}"]


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """The approximate width of a text in pixels; Chinese letters are twice as wide as Latin ones."""
    return sum(size if unicodedata.east_asian_width(letter) in "WF" else 0.62 * size for letter in text)


def cut(text: str, num_letters: int = 20) -> str:
    """The text, truncated with an ellipsis."""
    return text if len(text) <= num_letters else text[: num_letters - 1] + "…"


def label_room(labels: Sequence[str], most: float = 0.4 * WIDTH) -> float:
    """The left margin in pixels for the longest of `labels`."""
    return min(most, max(map(text_width, labels), default=0.0) + 10)


def _body(svg: str, tips: Sequence[str]) -> str:
    """The content of matplotlib's root element, with colours as variables, only referenced ids, and the tips."""
    body = svg[svg.index("<g id=") : svg.rindex("</svg>")]
    for name, colour in COLOURS.items():
        body = body.replace(colour, f"var(--{name})")
    body = re.sub(r'<g id="tip(\d+)">', lambda match: f"<g><title>{escape(tips[int(match[1])])}</title>", body)
    body = re.sub(r' id="(?:[a-z]+_\d+|[A-Z]\w+_\d+)"', "", body)
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)
    body = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", body)
    return re.sub(r"\s*\n\s*", " ", body)
