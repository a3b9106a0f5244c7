"""The folder of real stickers that some tests judge by; it is no part of the repository."""

import os
from pathlib import Path

import pytest

VARIABLE = "VSD2M_STICKERS"
STICKERS = Path(os.environ.get(VARIABLE) or Path(__file__).parents[2] / "shared" / "stickers")
NO_STICKERS = f"no folder of real stickers at {STICKERS}; set {VARIABLE} to one"
needs_stickers = pytest.mark.skipif(not STICKERS.is_dir(), reason=NO_STICKERS)
