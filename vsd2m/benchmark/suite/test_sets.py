"""The test sets of the paper, by their names on the command line."""

from vsd2m.core.errors import ConfigError
from vsd2m.core.registry import did_you_mean

SUITES: dict[str, tuple[str, ...]] = {"vsd-r": ("vsd_r",), "vsd-c": ("vsd_c",), "vsd": ("vsd_r", "vsd_c")}
"""name -> splits of a published run; `vsd` is both, which the paper's tables never combine."""


def splits_of(suite: str) -> tuple[str, ...]:
    """The splits of that name; `ConfigError` with the known names."""
    if suite not in SUITES:
        raise ConfigError(f"unknown suite {suite!r}{did_you_mean(suite, SUITES)}; known: {', '.join(SUITES)}")
    return SUITES[suite]
