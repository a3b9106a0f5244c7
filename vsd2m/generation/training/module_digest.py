"""Digests of a module's weights."""

import hashlib
from typing import Any

import torch


def module_digest(module: Any) -> str:
    """A digest of a module's weights, by name and value."""
    hashed = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        hashed.update(name.encode())
        hashed.update(tensor.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
    return hashed.hexdigest()
