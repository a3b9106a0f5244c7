"""Transient faults of a storage: retried with growing, random pauses, for a limited time."""

import errno
import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from vsd2m.core.errors import MissingFileError, StorageError

_log = logging.getLogger(__name__)

PATIENCE_SECONDS = 120.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 20.0

_TRANSIENT_ERRNOS = frozenset(
    {
        errno.EBUSY,  # 503 in s3fs
        errno.EREMOTEIO,  # 500 in s3fs
        errno.EAGAIN,
        errno.ETIMEDOUT,
        errno.ECONNRESET,
        errno.ECONNREFUSED,
        errno.ECONNABORTED,
        errno.EPIPE,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.EHOSTUNREACH,
        errno.EHOSTDOWN,
    }
)
_TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_TRANSIENT_NAMES = ("Timeout", "ConnectionError", "ConnectionClosed", "Disconnected", "IncompleteRead", "PayloadError")
_EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"})
_CLIENTS = frozenset({"aiobotocore", "aiohttp", "botocore", "gcsfs", "google", "requests", "s3fs", "urllib3"})

T = TypeVar("T")


@dataclass(frozen=True)
class Retries:
    """For how long requests are retried, and with which pauses."""

    patience_s: float = PATIENCE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def call(self, operation: Callable[[], T], *, name: str, renew: Callable[[], None]) -> T:
        """The operation's result; it is repeated while a fault may be transient, and once with new credentials.

        `MissingFileError` where there is no such file, `StorageError` for every other fault of a storage.
        """
        begin = self.clock()
        num_tries = 0
        is_renewed = False
        while True:
            try:
                return operation()
            except Exception as error:
                num_tries += 1
                if not is_storage_fault(error):
                    raise
                if has_expired(error) and not is_renewed:
                    is_renewed = True
                    renew()
                    continue
                pause = self._pause(num_tries)
                seconds = self.clock() - begin
                if not is_transient(error) or seconds + pause > self.patience_s:
                    raise _translated(error, name, num_tries, seconds) from error
                _log.warning("cannot %s: %s; asking again in %.1f s", name, _text(error), pause)
                self.sleep(pause)

    def _pause(self, num_tries: int) -> float:
        """Doubles each time, times a random factor from 0.5 to 1, so that workers do not retry at once."""
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (num_tries - 1))
        return float(longest * (0.5 + 0.5 * self.chance()))


def is_storage_fault(error: BaseException) -> bool:
    """Whether the error comes from a file system or a client of an object store, rather than from a bug."""
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in _CLIENTS


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed later: timeouts, lost connections, a busy or failing server."""
    for link in _chain(error):
        if isinstance(link, FileNotFoundError | PermissionError | FileExistsError):
            return False
        if isinstance(link, TimeoutError | ConnectionError) or getattr(link, "errno", None) in _TRANSIENT_ERRNOS:
            return True
        if _status(link) in _TRANSIENT_STATUSES:
            return True
        if is_storage_fault(link) and any(name in type(link).__name__ for name in _TRANSIENT_NAMES):
            return True
    return False


def has_expired(error: BaseException) -> bool:
    """Whether the server refuses credentials that were valid before."""
    return any(_code(link) in _EXPIRED_CODES for link in _chain(error))


def _translated(error: Exception, name: str, num_tries: int, seconds: float) -> StorageError:
    if isinstance(error, FileNotFoundError):
        return MissingFileError(f"cannot {name}: {_text(error)}")
    if has_expired(error):
        return StorageError(
            f"cannot {name}: {_text(error)}; the credentials have expired, and asking for new ones gave the same: "
            "renew them, then run the command again to resume"
        )
    if is_transient(error):
        return StorageError(
            f"cannot {name}: {_text(error)}; asked {num_tries} times in {seconds:.0f} s: run the command again to "
            "resume when the storage responds"
        )
    return StorageError(f"cannot {name}: {_text(error)}")


def _text(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__


def _response(error: BaseException) -> dict[str, dict[str, object]]:
    """What botocore keeps of a server's reply."""
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}


def _code(error: BaseException) -> object:
    return _response(error).get("Error", {}).get("Code")


def _status(error: BaseException) -> object:
    """The HTTP status, as botocore, aiohttp and gcsfs keep it."""
    from_response = _response(error).get("ResponseMetadata", {}).get("HTTPStatusCode")
    return from_response or getattr(error, "status", None) or getattr(error, "code", None)
