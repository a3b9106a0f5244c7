"""Loops over pixels as machine code.

Modules that use it are themselves imported where they are called: importing numba takes a good part of a second.
Their loops run over slices (an index counted from a variable start would be checked for being negative, which keeps
the compiler from using vector instructions) and on whole numbers only, so that every machine gives the same bits.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, compiled at its first call and kept for later processes, beside its source or in the user's cache.

    Where neither folder can be written, each process compiles it anew. It runs without the interpreter's lock.
    """
    try:
        return cast(Callable[P, R], numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba found no folder for its cache
        return cast(Callable[P, R], numba.njit(nogil=True)(function))


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, compiled into each place where another compiled function calls it.

    In a call, each array costs a reference counted up and down, as long as some tens of pixels take.
    """
    return cast(Callable[P, R], numba.njit(forceinline=True, nogil=True)(function))
