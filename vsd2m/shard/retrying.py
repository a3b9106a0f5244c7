"""Retries reads that fail occasionally, as on network disks and object stores."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from vsd2m.core.errors import StorageError

_logger = logging.getLogger(__name__)
_LASTING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)

T = TypeVar("T")


def retried(
    read: Callable[[], T], *, attempts: int = 3, first_wait_s: float = 0.1, wait: Callable[[float], None] = time.sleep
) -> T:
    """The result of `read`, which is repeated after a `StorageError`; the last error is raised.

    Each wait is twice the previous one. A file that does not exist or is not readable is not tried again.
    """
    for attempt in range(1, attempts):
        try:
            return read()
        except StorageError as error:
            if isinstance(error.__cause__, _LASTING):
                raise
            _logger.info("attempt %d of %d failed: %s", attempt, attempts, error)
            wait(first_wait_s * 2 ** (attempt - 1))
    return read()
