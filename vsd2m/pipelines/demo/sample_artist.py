"""Loads the package that draws the demo's stickers."""

import importlib
from typing import Any

from vsd2m.core.errors import ConfigError


def sample_artist() -> Any:
    """The module with `write_samples`; `ConfigError` if the package is not installed."""
    try:
        return importlib.import_module("vsd2m_samples.samples")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the package vsd2m-samples draws the stickers, but {error.name!r} is not installed: "
            "run `pip install ./samples` in a checkout of vsd2m"
        ) from error
