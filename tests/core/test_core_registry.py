"""Components are found by name or by `module:Class`, and validate their own options."""

import sys
from types import ModuleType
from typing import Annotated, ClassVar

import jsonschema
import pytest
from pydantic import Field, ValidationError

from vsd2m.core.errors import ConfigError
from vsd2m.core.registry import Chosen, component
from vsd2m.core.stage import StageConfig, neutral


class Brush:
    """A family of components."""

    Config: ClassVar[type[StageConfig]]


class RoundBrush(Brush):
    class Config(StageConfig):
        brush: str = "round"
        radius: int = Field(1, ge=0)
        num_threads: int = neutral(1)


class FlatBrush(Brush):
    class Config(StageConfig):
        brush: str = "flat"
        width: float


BRUSHES = {"round": "brushes:RoundBrush", "flat": "brushes:FlatBrush"}


class PaintConfig(StageConfig):
    tool: Annotated[StageConfig, Chosen(BRUSHES, "brush", "brushes:Brush")]


@pytest.fixture(autouse=True)
def brushes(monkeypatch):
    module = ModuleType("brushes")
    module.Brush, module.RoundBrush, module.FlatBrush = Brush, RoundBrush, FlatBrush  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "brushes", module)


def test_a_component_is_found_by_its_name_and_by_module_and_class():
    assert component(BRUSHES, "round", kind="brush", base=Brush) is RoundBrush
    assert component({}, "brushes:RoundBrush", kind="brush", base=Brush) is RoundBrush


def test_an_unknown_name_is_answered_with_the_nearest_and_all_known_ones():
    with pytest.raises(ConfigError, match=r"unknown brush 'ruond' \(did you mean 'round'\?\); known: round, flat"):
        component(BRUSHES, "ruond", kind="brush", base=Brush)


@pytest.mark.parametrize("path", ["no_such_module:Brush", "brushes:NoSuchBrush", "brushes:"])
def test_what_cannot_be_imported_is_a_config_error_that_names_it(path):
    with pytest.raises(ConfigError, match=f"cannot import the brush '{path}'"):
        component(BRUSHES, path, kind="brush", base=Brush)


def test_a_class_of_another_family_is_refused():
    with pytest.raises(ConfigError, match="'builtins:int' is not a brush: expected a subclass of"):
        component(BRUSHES, "builtins:int", kind="brush", base=Brush)
    with pytest.raises(ConfigError, match="'builtins:int' is not an easel: expected a subclass of"):
        component({}, "builtins:int", kind="easel", base=Brush)


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ("round", {"brush": "round", "radius": 1, "num_threads": 1}),
        ({"brush": "round", "radius": 3}, {"brush": "round", "radius": 3, "num_threads": 1}),
        ({"brush": "brushes:FlatBrush", "width": 2}, {"brush": "brushes:FlatBrush", "width": 2.0}),
    ],
)
def test_the_components_own_config_validates_its_options(tool, expected):
    config = PaintConfig.model_validate({"tool": tool})
    assert config.model_dump(mode="json") == {"tool": expected}
    assert PaintConfig.model_validate(config.model_dump()) == config


@pytest.mark.parametrize(
    ("tool", "where", "message"),
    [
        ({"brush": "round", "radius": -1}, ("tool", "radius"), "greater than or equal to 0"),
        ({"brush": "round", "radios": 1}, ("tool", "radios"), "Extra inputs"),
        ({"brush": "flat"}, ("tool", "width"), "required"),
        ({"radius": 1}, ("tool",), "`brush` is missing; known: round, flat"),
        ("rond", ("tool",), "did you mean 'round'"),
        (7, ("tool",), "expected a name or a mapping with the key `brush`, found int"),
    ],
)
def test_an_error_in_the_options_carries_the_path_of_the_field(tool, where, message):
    with pytest.raises(ValidationError, match=message) as error:
        PaintConfig.model_validate({"tool": tool})
    assert [line["loc"] for line in error.value.errors()] == [where]


def test_the_default_component_needs_no_name():
    class WithDefault(StageConfig):
        tool: Annotated[StageConfig, Chosen(BRUSHES, "brush", "brushes:Brush", default="round")]

    assert WithDefault.model_validate({"tool": {"radius": 5}}).tool == RoundBrush.Config(radius=5)


def test_what_cannot_change_the_output_stays_out_of_it_however_deep_it_stands():
    fast = PaintConfig.model_validate({"tool": {"brush": "round", "num_threads": 8}})
    assert fast.output_fields() == {"tool": {"brush": "round", "radius": 1}}


def test_the_json_schema_accepts_what_the_config_accepts():
    schema = PaintConfig.model_json_schema()
    for tool in ("round", "mine:Brush", {"brush": "round", "radius": 3}, {"brush": "mine:Brush", "anything": 1}):
        jsonschema.validate({"tool": tool}, schema)
    for tool in ("rond", {"brush": "round", "radius": -1}, {"brush": "flat"}, {"radius": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"tool": tool}, schema)


def test_keys_that_are_numbers_are_output_as_json_writes_them():
    class Limits(StageConfig):
        by_size: dict[int, float]

    assert Limits(by_size={64: 0.5}).output_fields() == {"by_size": {"64": 0.5}}
