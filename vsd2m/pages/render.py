"""Self-contained pages from jinja2 templates: one file each, with embedded style and pictures."""

from functools import cache
from typing import TYPE_CHECKING

from vsd2m.core.registry import import_extra
from vsd2m.pages.numbers import bytes_text, number

if TYPE_CHECKING:
    from jinja2 import Environment

PACKAGES = {"jinja2": "pages", "matplotlib": "pages"}
"""Module -> dependency group of the packages that pages need."""


def render(template: str, **context: object) -> str:
    """The text of `vsd2m/pages/templates/TEMPLATE`; values are escaped unless they are markup, as charts are.

    A name in the template that is missing in `context` is an error.
    """
    return _environment().get_template(template).render(context)


@cache
def _environment() -> "Environment":
    jinja2 = import_extra("jinja2", extra="pages")
    environment: Environment = jinja2.Environment(
        loader=jinja2.PackageLoader("vsd2m.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": number, "bytes": bytes_text}
    return environment
