"""The filter stage: compares what earlier stages measured with the limits of the config, and loads no model."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, GetJsonSchemaHandler, SerializeAsAny, ValidationError, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from vsd2m.core.registry import load
from vsd2m.core.stage import Batch, Columns, Drop, StageConfig, StageSpec, StickerStage
from vsd2m.filter.rule import Rule
from vsd2m.filter.rules import RULES


class FilterConfig(StageConfig):
    """Which rules apply and with what limits. The order of the registry decides, not that of the config."""

    rules: dict[str, SerializeAsAny[Rule]] = Field(
        min_length=1, description="rule name -> its limits; an empty mapping takes the rule's defaults"
    )

    @field_validator("rules", mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        unknown = sorted(set(value) - set(RULES))
        if unknown:
            raise ValueError(f"unknown rule {unknown[0]!r}; known: {', '.join(RULES)}")
        return {name: _parse_rule(name, value[name]) for name in RULES if name in value}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        made = handler.resolve_ref_schema(handler(schema))
        limits = {name: {"anyOf": [load(path).model_json_schema(), {"type": "null"}]} for name, path in RULES.items()}
        rules = made["properties"]["rules"]
        made["properties"]["rules"] = {**rules, "properties": limits, "additionalProperties": False}
        return made


class FilterStage(StickerStage[FilterConfig]):
    """Drops each sticker for the first rule it breaks; keeps the others and writes no column."""

    Config: ClassVar[type[StageConfig]] = FilterConfig

    @property
    def spec(self) -> StageSpec:
        reads = dict.fromkeys(column for rule in self.config.rules.values() for column in rule.reads)
        return StageSpec(name="filter", version=1, reads=tuple(reads), writes=(), batch_size=1024)

    def seconds_per_sticker(self) -> float:
        return 2e-6 * len(self.config.rules)

    def process(self, batch: Batch) -> list[Columns | Drop]:
        return [self._verdict(row) for row in batch.rows]

    def _verdict(self, row: Mapping[str, Any]) -> Columns | Drop:
        drops = (rule.verdict(row) for rule in self.config.rules.values())
        return next((drop for drop in drops if drop is not None), {})


def _parse_rule(name: str, limits: Any) -> Rule:
    """The configured rule; an error's path begins with the rule's name."""
    rule: type[Rule] = load(RULES[name])
    try:
        return rule.model_validate({} if limits is None else limits)
    except ValidationError as error:
        details = [{**line, "loc": (name, *line["loc"])} for line in error.errors(include_url=False)]
        raise ValidationError.from_exception_data(error.title, details) from error  # type: ignore[arg-type]
