"""The filter stage: compares what earlier stages measured with the limits of the config, and loads no model."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, GetJsonSchemaHandler, SerializeAsAny, ValidationError, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from vsd2m.core.errors import ConfigError
from vsd2m.core.registry import component, load
from vsd2m.core.stage import Batch, Columns, Drop, StageConfig, StageSpec, StickerStage
from vsd2m.filter.rule import Rule
from vsd2m.filter.rules import RULES


class FilterConfig(StageConfig):
    """The rules and their limits. They are tried in the registry's order, then your own rules in the config's order."""

    rules: dict[str, SerializeAsAny[Rule]] = Field(
        min_length=1,
        description="rule name, or `module:Class` of your own -> its limits; empty: the rule's defaults",
    )

    @field_validator("rules", mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        rules = {name: _rule_class(name) for name in value}  # unknown names are reported before wrong limits
        return {name: _parse_rule(name, rules[name], value[name]) for name in sorted(rules, key=_place)}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema_of_rules = handler.resolve_ref_schema(handler(schema))
        limits = {name: {"anyOf": [load(path).model_json_schema(), {"type": "null"}]} for name, path in RULES.items()}
        rules = schema_of_rules["properties"]["rules"]
        own_rules = {"patternProperties": {":": {"type": ["object", "null"]}}, "additionalProperties": False}
        schema_of_rules["properties"]["rules"] = {**rules, "properties": limits, **own_rules}
        return schema_of_rules


class FilterStage(StickerStage[FilterConfig]):
    """Drops each sticker for the first rule it violates; keeps the others and writes no column."""

    Config: ClassVar[type[StageConfig]] = FilterConfig

    @property
    def spec(self) -> StageSpec:
        reads = dict.fromkeys(column for rule in self.config.rules.values() for column in rule.reads)
        return StageSpec(name="filter", version=1, reads=tuple(reads), writes=(), batch_size=1024)

    def model_versions(self) -> dict[str, str]:
        return {f"rule {name}": str(rule.version) for name, rule in self.config.rules.items()}

    def seconds_per_sticker(self) -> float:
        return 2e-6 * len(self.config.rules)

    def process(self, batch: Batch) -> list[Columns | Drop]:
        return [self._verdict(row) for row in batch.rows]

    def _verdict(self, row: Mapping[str, Any]) -> Columns | Drop:
        drops = (rule.verdict(row) for rule in self.config.rules.values())
        return next((drop for drop in drops if drop is not None), {})


def _rule_class(name: str) -> type[Rule]:
    try:
        rule: type[Rule] = component(RULES, name, kind="rule", base=Rule)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return rule


def _place(name: str) -> int:
    """The position of a rule: the registry's order, then the user's rules in the config's order."""
    return list(RULES).index(name) if name in RULES else len(RULES)


def _parse_rule(name: str, rule: type[Rule], limits: Any) -> Rule:
    """The configured rule; the path of an error starts with the rule's name."""
    try:
        return rule.model_validate({} if limits is None else limits)
    except ValidationError as error:
        details = [{**line, "loc": (name, *line["loc"])} for line in error.errors(include_url=False)]
        raise ValidationError.from_exception_data(error.title, details) from error  # type: ignore[arg-type]
