import shutil
import subprocess

import numpy as np
import pytest
from real_stickers import NO_STICKERS, STICKERS


@pytest.fixture
def rng():
    return np.random.default_rng(20241)


@pytest.fixture(scope="session")
def real_stickers():
    """name -> bytes, every real sticker."""
    if not STICKERS.is_dir():
        pytest.skip(NO_STICKERS)
    paths = (path for path in sorted(STICKERS.rglob("*")) if path.suffix in {".gif", ".png", ".jpg", ".webp"})
    return {str(path.relative_to(STICKERS)): path.read_bytes() for path in paths}


@pytest.fixture(scope="session")
def imagemagick():
    """The `convert` command of ImageMagick."""
    command = shutil.which("convert")
    version = subprocess.run([command, "-version"], capture_output=True, check=False).stdout if command else b""
    if b"ImageMagick" not in version:
        pytest.skip("ImageMagick's convert is not installed (Debian package imagemagick)")
    return command


@pytest.fixture(scope="session")
def vips():
    """The `vips` command."""
    command = shutil.which("vips")
    if command is None:
        pytest.skip("vips is not installed (Debian package libvips-tools)")
    return command
