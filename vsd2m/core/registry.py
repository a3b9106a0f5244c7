"""Components by name: a registry is a plain dict `name -> "module:Class"`; a component is imported when it is needed.

Wherever a config takes a name from a registry, it also takes `your.module:Class`: `component` resolves both, and
`Chosen` is the pydantic annotation of a config field that holds one component with its options.
"""

import difflib
import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from vsd2m.core.errors import ConfigError, MissingExtraError


def load(path: str) -> Any:
    """The object that "package.module:attribute" names."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def component(registry: Mapping[str, str], name: str, *, kind: str, base: type | None = None) -> Any:
    """The registered component `name`, or that of a user as `module:Class`.

    `ConfigError` if the name is unknown (it suggests the nearest known one), cannot be imported, or is not a subclass
    of `base`.
    """
    if name not in registry and ":" not in name:
        raise ConfigError(
            f"unknown {kind} {name!r}{did_you_mean(name, registry)}; "
            f"known: {', '.join(registry)}, or `module:Class` of your own"
        )
    where = registry.get(name, name)
    try:
        cls = load(where)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"cannot import the {kind} {where!r}: {error}") from error
    if base and not (isinstance(cls, type) and issubclass(cls, base)):
        raise ConfigError(
            f"{where!r} is not {with_article(kind)}: expected a subclass of {base.__module__}:{base.__name__}"
        )
    return cls


def with_article(noun: str) -> str:
    """ "an extractor", "a rule": by the first letter, which is right for the kinds of components."""
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def did_you_mean(wrong: str, known_names: Iterable[str]) -> str:
    """ " (did you mean 'this'?)" for the nearest known name, or nothing."""
    nearest = difflib.get_close_matches(wrong, list(known_names), n=1)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""


@dataclass(frozen=True)
class Chosen:
    """Annotates a config field that holds one component: `Annotated[EngineConfig, Chosen(ENGINES, "engine", ...)]`.

    The value is written as a mapping whose key `key` names the component; the other keys are the fields of that
    component's own `Config`, which validates them, so that an error carries the field's path. A bare name stands
    for the component with its defaults. `base`: "module:Class" of the required base class.
    """

    registry: Mapping[str, str]
    key: str
    base: str
    default: str | None = None
    kind: str | None = None
    """The name in messages, if `key` is not suitable."""

    own_names: ClassVar[str] = ":"
    """The regular expression of names that are in no registry, for editors."""

    def component(self, name: str) -> Any:
        """The component's class."""
        return component(self.registry, name, kind=self.kind or self.key.replace("_", " "), base=load(self.base))

    def validate(self, value: Any) -> BaseModel:
        """The config of the component that `value` names; `ValueError` if there is none."""
        name, options = self._named(value)
        config: BaseModel = self.config_class(value).model_validate({**options, self.key: name})
        return config

    def config_class(self, value: Any) -> type[BaseModel]:
        """The config class for `value`; `ValueError` if there is none."""
        try:
            config_class: type[BaseModel] = self.component(self._named(value)[0]).Config
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return config_class

    def _named(self, value: Any) -> tuple[str, Mapping[str, Any]]:
        """(component's name, the value as a mapping)."""
        if isinstance(value, BaseModel):
            value = value.model_dump()
        options = {self.key: value} if isinstance(value, str) else value
        if not isinstance(options, Mapping):
            raise ValueError(f"expected a name or a mapping with the key `{self.key}`, found {type(value).__name__}")
        name = options.get(self.key, self.default)
        if not isinstance(name, str):
            raise ValueError(f"the key `{self.key}` is missing; known: {', '.join(self.registry)}, or `module:Class`")
        return name, options

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.validate,
            serialization=core_schema.plain_serializer_function_ser_schema(_dump, info_arg=True),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        registered = [
            {"allOf": [handler(self.component(name).Config.__pydantic_core_schema__), self._names({"const": name})]}
            for name in self.registry
        ]
        own_class = {"type": "string", "pattern": self.own_names}
        return {"anyOf": [{"enum": list(self.registry)}, own_class, *registered, self._names(own_class)]}

    def _names(self, value: JsonSchemaValue) -> JsonSchemaValue:
        required = [] if self.default is not None and value.get("const") == self.default else [self.key]
        return {"type": "object", "properties": {self.key: value}, "required": required}


def _dump(config: BaseModel, info: core_schema.SerializationInfo) -> dict[str, Any]:
    return config.model_dump(mode=info.mode)


def import_extra(module: str, *, extra: str) -> ModuleType:
    """The optional `module`, or a `MissingExtraError` that names the dependency group `extra`."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and module.partition(".")[0] == error.name.partition(".")[0]:
            raise MissingExtraError(module, extra) from error
        raise


def check_extra(module: str, *, extra: str) -> None:
    """`MissingExtraError` where the optional `module`, which another process imports, is not installed."""
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(module, extra)
