"""Reads YAML as a validated `PipelineConfig`; every error names the field's path."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo

from vsd2m.core.errors import ConfigError
from vsd2m.core.registry import Chosen, component, did_you_mean, load
from vsd2m.core.stage import Stage, StageConfig
from vsd2m.core.storage import Store
from vsd2m.core.storage_faults import PATIENCE_SECONDS, Retries
from vsd2m.core.strict_yaml import load_yaml
from vsd2m.pipelines.engine.stages import STAGES

M = TypeVar("M", bound=BaseModel)


class PipelineConfig(BaseModel):
    """One run: its folder, and its stages in order."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    run: str = Field(description="folder or fsspec URL that everything is written to", min_length=1)
    partition_size: int = Field(
        2000, ge=1, le=100_000, description="stickers in a partition, the unit of work and commit"
    )
    max_failed_share: float = Field(
        0.5, ge=0, le=1, description="a partition in which more than this share of stickers fails stops the run"
    )
    time_limit_s: float = Field(
        300,
        gt=0,
        allow_inf_nan=False,
        description="CPU seconds a stage may use for one sticker on each of its cores, and four times that in "
        "wall-clock time; a larger batch gets more. Stickers that take longer fail as `timed_out`",
    )
    memory_limit_gb: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="memory in GB that a worker's process may use (Linux); stickers that need more fail as "
        "`out_of_memory`. None: what the machine has",
    )
    recycle_after_batches: int = Field(
        2000, ge=1, description="batches after which a worker's process is replaced: native libraries leak memory"
    )
    recycle_growth_gb: float = Field(
        4, gt=0, allow_inf_nan=False, description="growth in GB, since its first batch, at which it is replaced earlier"
    )
    storage_patience_s: float = Field(
        PATIENCE_SECONDS,
        ge=0,
        allow_inf_nan=False,
        description="seconds for which a storage that is busy, fails or does not respond is asked again",
    )
    stages: dict[str, dict[str, Any] | None] = Field(
        description="name -> config; `stage`: a registry name or your own `module:Class`; default: the name",
        min_length=1,
    )

    def open_store(self) -> Store:
        """The run's folder."""
        return Store(self.run, retries=Retries(self.storage_patience_s))

    @field_validator("stages")
    @classmethod
    def _names_are_folders(cls, stages: dict[str, Any]) -> dict[str, Any]:
        for name in stages:
            if not (name.isidentifier() and name == name.lower()):
                raise ValueError(f"{name!r} is not a stage name: lower-case letters, digits and _ are allowed")
        return stages


def read_config(path: str, overrides: Mapping[str, Any] | None = None) -> PipelineConfig:
    """The config in the YAML file at `path`, with dotted `overrides` such as `{"stages.crawl.words": [...]}`."""
    return validate(PipelineConfig, read_yaml(path, overrides), path=path)


def read_yaml(path: str, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The mapping in the YAML file at `path`, with dotted `overrides`; a repeated key is an error."""
    folder, _, name = path.rpartition("/")
    text = Store(folder or ".").read_bytes(name)
    try:
        values = load_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping of keys to values, found {type(values).__name__}")
    for dotted, value in (overrides or {}).items():
        _override(values, dotted, value)
    return values


def validate(model: type[M], values: Any, *, path: str) -> M:
    """`values` as a `model`; `ConfigError` lists each wrong field by its path, with the allowed values."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [
            _problem(model, values, path, entry) for entry in _merged([dict(entry) for entry in error.errors()])
        ]
        raise ConfigError("; ".join(problems)) from error


def nested(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted overrides as a nested mapping: `{"a.b": 1}` as `{"a": {"b": 1}}`."""
    values: dict[str, Any] = {}
    for dotted, value in overrides.items():
        _override(values, dotted, value)
    return values


def stage_of(name: str, values: Mapping[str, Any] | None) -> Stage[Any]:
    """The configured stage of one entry of `stages`; construction is cheap."""
    options = dict(values or {})
    registered = options.pop("stage", name)
    path = f"stages.{name}"
    try:
        stage_class: type[Stage[Any]] = component(STAGES, str(registered), kind="stage", base=Stage)
    except ConfigError as error:
        raise ConfigError(f"{path}.stage: {error}") from error
    config = validate(stage_class.Config, options, path=path)
    try:
        return stage_class(config)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def json_schema() -> dict[str, Any]:
    """The JSON schema of a config file, for editors and checks."""
    schema = PipelineConfig.model_json_schema()
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    entries = []
    for name, where in STAGES.items():
        config: type[StageConfig] = load(where).Config
        stage_schema = config.model_json_schema(ref_template=f"#/$defs/{name}/$defs/{{model}}")
        stage_schema["properties"] = {"stage": {"const": name}, **stage_schema.get("properties", {})}
        definitions[name] = stage_schema
        entries.append({"$ref": f"#/$defs/{name}"})
    named = {name: {"anyOf": [{"$ref": f"#/$defs/{name}"}, {"type": "null"}]} for name in STAGES}
    user_stage = {"properties": {"stage": {"type": "string", "pattern": ":"}}}
    renamed = {"allOf": [{"type": "object", "required": ["stage"]}, {"anyOf": [*entries, user_stage]}]}
    schema["properties"]["stages"] = {
        "type": "object",
        "minProperties": 1,
        "properties": named,
        "additionalProperties": renamed,
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "vsd2m pipeline", **schema}


def _merged(errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One error per location: a field with several allowed types reports one error for all of them.

    pydantic puts the type into the path, such as `words.tuple[str, ...].0`.
    """
    by_location: dict[tuple[Any, ...], dict[str, Any]] = {}
    for error in errors:
        location = tuple(part for part in error["loc"] if not (isinstance(part, str) and "[" in part))
        if location not in by_location:
            by_location[location] = {**error, "loc": location}
        else:
            expected = error.get("ctx", {}).get("expected") or error["msg"]
            by_location[location]["msg"] += f", or {expected}"
    deeper = {location[:length] for location in by_location for length in range(len(location))}
    return [
        error
        for location, error in by_location.items()
        if not (error["type"] == "literal_error" and location in deeper)
    ]


def _problem(model: type[BaseModel], values: Any, path: str, error: dict[str, Any]) -> str:
    location = [str(part) for part in error["loc"]]
    where = ".".join([path, *location])
    if error["type"] == "extra_forbidden":
        allowed = _fields_at(model, values, location[:-1])
        listed = f"; allowed: {', '.join(allowed)}" if allowed else ""
        return f"{where}: unknown key{did_you_mean(location[-1], allowed)}{listed}"
    if error["type"] == "missing":
        return f"{where}: required, but not given"
    message = error["msg"].removeprefix("Value error, ").replace("valid tuple", "valid list")
    message = f"{where}: {message[0].lower()}{message[1:]}"
    value = error["input"]
    if _is_secret(model, values, location):
        return f"{message}; write a key as text, in quotes"
    found_value = f", found {value!r}" if isinstance(value, str | int | float | bool | None) else ""
    return f"{message}{found_value}{_how_to_write(error['type'], value)}"


def _how_to_write(problem: str, input_value: Any) -> str:
    """Advice on writing a list or a text in YAML, if something else was given."""
    if problem in ("tuple_type", "list_type", "set_type") and isinstance(input_value, str | int | float):
        return f"; write a list: [{input_value}]"
    if problem != "string_type" or isinstance(input_value, list | dict):
        return ""
    if isinstance(input_value, bool):
        spellings = "yes, on and true" if input_value else "no, off and false"
        example = spellings[:3].strip(",")
        return f'; YAML reads {spellings} as {str(input_value).lower()}: write text in quotes, such as "{example}"'
    return "" if input_value is None else f'; write text in quotes: "{input_value}"'


def _fields_at(model: type[BaseModel], values: Any, location: list[str]) -> dict[str, FieldInfo]:
    """The fields of the nested model that `location` leads to in `values`; empty if it is unknown."""
    current: Any = model
    for part in location:
        values = values.get(part) if isinstance(values, Mapping) else None
        if isinstance(current, type) and issubclass(current, BaseModel) and part in current.model_fields:
            current = _model_of(current.model_fields[part], values)
        else:
            return {}
    return dict(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else {}


def _is_secret(model: type[BaseModel], values: Any, location: list[str]) -> bool:
    """Whether `location` leads to a key, which no message repeats."""
    field = _fields_at(model, values, location[:-1]).get(location[-1]) if location else None
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))


def _model_of(field: FieldInfo, value: Any) -> Any:
    """The model that validates `value` in a field: that of the component it names, if the field holds one."""
    choices = [choice for choice in field.metadata if isinstance(choice, Chosen)]
    return choices[0].config_class(value) if choices else _model_in(field.annotation)


def _model_in(annotation: Any) -> Any:
    options = [annotation, *get_args(annotation)]
    models = [option for option in options if isinstance(option, type) and issubclass(option, BaseModel)]
    return models[0] if len(models) == 1 else None


def _override(values: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        if not isinstance(values.get(parent), dict):
            values[parent] = {}
        values = values[parent]
    values[last] = value
