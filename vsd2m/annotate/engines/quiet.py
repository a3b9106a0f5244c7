"""Loads transformers without its progress bars and console output."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any

from vsd2m.core.registry import import_extra
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

TRANSFORMERS_PACKAGES = {"torch": "annotate", "transformers": "annotate"}


def load_transformers() -> tuple[Any, Any]:
    """The modules transformers and torch, with the output of transformers turned off."""
    torch = import_extra("torch", extra="annotate")
    allow_torchvision_beside_cpu_torch()
    transformers = import_extra("transformers", extra="annotate")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers, torch


@contextlib.contextmanager
def no_progress_bars() -> Iterator[None]:
    """Hides the progress bar of reading a GGUF file, which no setting of transformers turns off."""
    with contextlib.redirect_stderr(io.StringIO()):
        yield
