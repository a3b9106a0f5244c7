import os
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent / "package"


@pytest.fixture(scope="session")
def own_package(tmp_path_factory) -> Iterator[Path]:
    """Makes `own_stickers` importable, and what the test writes into the folder given; in child processes as well."""
    folder = tmp_path_factory.mktemp("own_modules")
    with pytest.MonkeyPatch.context() as patch:
        before = os.environ.get("PYTHONPATH", "")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(PACKAGE), str(folder), *filter(None, [before])]))
        patch.syspath_prepend(PACKAGE)
        patch.syspath_prepend(folder)
        yield folder
