"""State dicts from files that nobody here wrote: tensors and nothing else are unpickled."""

import pickle
from collections.abc import Mapping
from typing import Any

from vsd2m.core.errors import EngineError


def read_state(path: str | None, *, name: str) -> Any:
    """What `torch.save` wrote: usually name -> tensor, bare or under a key. `EngineError` if it cannot be read."""
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, AttributeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise not_expected(name, path, error) from error


def load_state(network: Any, state: Mapping[str, Any], *, name: str, path: str | None) -> Any:
    """The network, ready to judge, with these tensors; `EngineError` if they are not exactly its own."""
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise not_expected(name, path, error) from error
    return network.eval()


def not_expected(name: str, path: str | None, error: Exception) -> EngineError:
    """One line that says which file of which weights was refused, and why."""
    return EngineError(f"{name}: {path} is not the expected checkpoint: {' '.join(str(error).split())[:200]}")
