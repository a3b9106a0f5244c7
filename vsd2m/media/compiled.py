"""Loops over pixels as machine code.

Modules that use it are themselves imported where they are called: importing numba takes most of a second.
Their loops run over slices (an index counted from a variable start would be checked for being negative, which keeps
the compiler from using vector instructions), and add in one fixed order, so that every machine gives the same bits.
A division by zero gives an infinity, as in numpy: a check of each would keep the compiler from vector instructions too.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core import event

from vsd2m.core.notices import say

P = ParamSpec("P")
R = TypeVar("R")


class _Announcer(event.Listener):
    """Says once in a process that code is being compiled; what is loaded from the cache is not."""

    def __init__(self) -> None:
        self._has_spoken = False

    def on_start(self, event: event.Event) -> None:
        del event
        if not self._has_spoken:
            self._has_spoken = True
            say("compiling loops over pixels, once per machine and version (up to half a minute) ...")

    def on_end(self, event: event.Event) -> None:
        del event


event.register("numba:compile", _Announcer())  # type: ignore[no-untyped-call]


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, compiled at its first call and kept for later processes, beside its source or in the user's cache.

    Where neither folder can be written, each process compiles it anew. It runs without the interpreter's lock.
    """
    try:
        compiled_function: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # numba found no folder for its cache
        return cast(Callable[P, R], numba.njit(nogil=True, error_model="numpy")(function))
    cache_file = compiled_function._cache._cache_file  # numba asks only whether the function's own module has changed
    folders = sorted({Path(__file__).parent, Path(compiled_function.py_func.__code__.co_filename).parent})
    cache_file._source_stamp = (cache_file._source_stamp, *map(_sources, folders))
    return cast(Callable[P, R], compiled_function)


@cache
def _sources(folder: Path) -> str:
    """A digest of the modules there: the functions and constants that a function uses are compiled into it."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, compiled into each place where another compiled function calls it.

    A call that is not inlined updates the reference count of each array, which takes as long as some tens of pixels.
    """
    return cast(Callable[P, R], numba.njit(forceinline=True, nogil=True, error_model="numpy")(function))
