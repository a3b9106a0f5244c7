"""Describers: frames in, a description in words out. One file each; the registry's name is the file's name."""

from typing import Annotated, Any

from vsd2m.annotate.describers.base import Describer, DescriberConfig
from vsd2m.core.registry import Chosen, component

DESCRIBERS: dict[str, str] = {
    "measured": "vsd2m.annotate.describers.measured:MeasuredDescriber",
    "vision": "vsd2m.annotate.describers.vision:VisionDescriber",
}

ChosenDescriber = Annotated[
    DescriberConfig, Chosen(DESCRIBERS, "describer", "vsd2m.annotate.describers.base:Describer", default="measured")
]
"""A config field that holds a describer with its options."""


def make_describer(config: DescriberConfig) -> Describer[Any]:
    """The describer that `config.describer` names, not yet started."""
    describer: Describer[Any] = component(DESCRIBERS, config.describer, kind="describer", base=Describer)(config)
    return describer
