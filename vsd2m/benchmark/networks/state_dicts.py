"""State dicts from files that nobody here wrote: tensors and numbers are unpickled, and nothing else."""

import pickle
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from vsd2m.core.errors import EngineError

_FOREIGN = re.compile(r"GLOBAL (\S+)")
"""What torch refuses to build, in its message, whose advice is to read the file without any check."""


def read_state(path: str | None, *, name: str) -> Any:
    """What `torch.save` wrote: usually name -> tensor, bare or under a key. `EngineError` if it cannot be read.

    Numbers beside the tensors, such as the results of a validation, may be numpy's.
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
            f"{name}: {path} holds {refused[1]}; only tensors and numbers are read: save its state dict alone"
        ) from error
    except (OSError, RuntimeError, AttributeError, ValueError, EOFError) as error:
        raise not_expected(name, path, error) from error


def _numpy_scalars() -> list[Any]:
    """What numbers of numpy are pickled with, under the names of numpy 1 and 2; neither arrays nor objects."""
    scalar = np.float64(0).__reduce__()[0]
    kinds = {type(np.dtype(code)) for code in np.typecodes["AllInteger"] + np.typecodes["Float"] + "?"}
    return [*((scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")), np.dtype, *kinds]


def load_state(network: Any, state: Mapping[str, Any], *, name: str, path: str | None) -> Any:
    """The network, ready to judge, with these tensors; `EngineError` if they are not exactly its own."""
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise not_expected(name, path, error) from error
    return network.eval()


def not_expected(name: str, path: str | None, error: Exception) -> EngineError:
    """One line that says which file of which weights was refused, and why."""
    reason = str(error).rpartition("WeightsUnpickler error: ")[2]
    return EngineError(f"{name}: {path} is not the expected checkpoint: {' '.join(reason.split())[:200]}")
