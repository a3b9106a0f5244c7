"""Hides the libraries' progress bars; only the command line shows progress."""

import contextlib
from collections.abc import Iterator

from diffusers.utils import logging as diffusers_logging
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from transformers.utils import logging as transformers_logging


@contextlib.contextmanager
def no_progress_bars() -> Iterator[None]:
    """Hides progress bars of loading and saving inside the block, and restores the setting afterwards."""
    libraries = [
        (diffusers_logging.is_progress_bar_enabled, diffusers_logging),
        (transformers_logging.is_progress_bar_enabled, transformers_logging),
    ]
    enabled = [library for is_enabled, library in libraries if is_enabled()]
    hub_enabled = not are_progress_bars_disabled()
    for library in enabled:
        library.disable_progress_bar()
    disable_progress_bars()
    try:
        yield
    finally:
        for library in enabled:
            library.enable_progress_bar()
        if hub_enabled:
            enable_progress_bars()
