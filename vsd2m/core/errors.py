"""The one error tree. A message says what was expected, what was found, and what to do."""


class Vsd2mError(Exception):
    """Base of every error a user can cause; the command line prints it in one line and exits with 1."""


class ConfigError(Vsd2mError):
    """A config value is unknown, of the wrong type, out of bounds, or impossible beside another."""


class StorageError(Vsd2mError):
    """A file or object could not be read or written (missing, no permission, disk full)."""


class LockedError(Vsd2mError):
    """Another process works in the folder."""


class MissingFileError(StorageError):
    """There is no such file. No other failure (no permission, a server's error, damaged content) may raise this."""


class DamagedFileError(StorageError):
    """A file was read, and its content is not valid."""


class StageError(Vsd2mError):
    """A stage broke its contract, or cannot run on the output of the stages before it."""


class EngineError(Vsd2mError):
    """A model's weights are missing or unusable, or an inference server does not answer."""


class CrawlError(Vsd2mError):
    """The site cannot be crawled at all (unreachable, or its robots.txt forbids everything)."""


def install_line(*extras: str) -> str:
    """The command that installs optional dependency groups; the package itself is on no index."""
    return f"in a checkout of vsd2m: pip install '.[{','.join(sorted(set(extras)))}]'"


class MissingExtraError(Vsd2mError):
    """An optional dependency group is not installed; the message names the command that installs it."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"this needs {module!r}, which is not installed; {install_line(extra)}")
        self.module = module
        self.extra = extra

    def __reduce__(self) -> tuple[type["MissingExtraError"], tuple[str, str]]:
        return MissingExtraError, (self.module, self.extra)


class MediaError(Vsd2mError):
    """A picture cannot be decoded within its budget.

    `reason` is one of the names in `vsd2m.media.decode.REASONS`; `value` and `limit` are set where
    a budget was passed.
    """

    def __init__(self, reason: str, detail: str, value: float | None = None, limit: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.value = value
        self.limit = limit

    def __reduce__(self) -> tuple[type["MediaError"], tuple[str, str, float | None, float | None]]:
        return MediaError, (self.reason, self.detail, self.value, self.limit)
