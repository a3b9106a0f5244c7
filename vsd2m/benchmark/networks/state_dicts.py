"""State dicts from untrusted files: only tensors and numbers are unpickled."""

import pickle
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from vsd2m.core.errors import EngineError

_FOREIGN = re.compile(r"GLOBAL (\S+)")
"""The type that torch refuses, in its message (which advises to disable the check)."""


def read_state(path: str | None, *, name: str) -> Any:
    """The contents of a `torch.save` file: usually name -> tensor, at the top level or under a key. `EngineError` if it
    cannot be read.

    Other numbers, such as the results of a validation, may be numpy's.
    """
    import torch

    try:
        with torch.serialization.safe_globals(_numpy_scalars()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        refused = _FOREIGN.search(str(error))
        if refused is None:
            raise not_expected(name, path, error) from error
        raise EngineError(
            f"{name}: {path} holds {refused[1]}; only tensors and numbers are read: save only its state dict"
        ) from error
    except (OSError, RuntimeError, AttributeError, ValueError, EOFError) as error:
        raise not_expected(name, path, error) from error


def _numpy_scalars() -> list[Any]:
    """The functions that pickled numpy numbers need, by their names in numpy 1 and 2; no arrays, no objects."""
    scalar = np.float64(0).__reduce__()[0]
    kinds = {type(np.dtype(code)) for code in np.typecodes["AllInteger"] + np.typecodes["Float"] + "?"}
    return [*((scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")), np.dtype, *kinds]


def load_state(network: Any, state: Mapping[str, Any], *, name: str, path: str | None) -> Any:
    """The network in evaluation mode with these tensors; `EngineError` if they do not match exactly."""
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise not_expected(name, path, error) from error
    return network.eval()


def not_expected(name: str, path: str | None, error: Exception) -> EngineError:
    """An error in one line: the weights, the file, and the reason."""
    reason = str(error).rpartition("WeightsUnpickler error: ")[2]
    return EngineError(f"{name}: {path} is not the expected checkpoint: {' '.join(reason.split())[:200]}")
