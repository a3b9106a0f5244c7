"""Registries are plain dicts `name -> "module:attribute"`; nothing is imported before it is asked for."""

import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from vsd2m.core.errors import ConfigError, MissingExtraError


def load(path: str) -> Any:
    """The object that "package.module:attribute" names."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def lookup(registry: Mapping[str, str], name: str, *, kind: str) -> Any:
    """The object registered under `name`; a `ConfigError` lists the known names of this `kind`."""
    if name not in registry:
        raise ConfigError(f"unknown {kind} {name!r}; known: {', '.join(sorted(registry))}")
    return load(registry[name])


def import_extra(module: str, *, extra: str) -> ModuleType:
    """The optional `module`, or a `MissingExtraError` that names the dependency group `extra`."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and module.split(".", maxsplit=1)[0] == error.name.split(".")[0]:
            raise MissingExtraError(module, extra) from error
        raise
