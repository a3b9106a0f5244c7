"""Crawl sources, one file each. A new source is a file here and a line below, or `module:Class` in a config."""

from typing import Annotated, Any

from vsd2m.core.registry import Chosen, component
from vsd2m.crawl.sources.base import Source, SourceConfig

SOURCES: dict[str, str] = {
    "gallery": "vsd2m.crawl.sources.gallery:GallerySource",
    "json_api": "vsd2m.crawl.sources.json_api:JsonApiSource",
}

ChosenSource = Annotated[SourceConfig, Chosen(SOURCES, "source", "vsd2m.crawl.sources.base:Source")]
"""A config field that holds a source with its options."""


def source_class(config: SourceConfig) -> type[Source[Any]]:
    """The class of the source that `config.source` names; `ConfigError` if there is none."""
    chosen: type[Source[Any]] = component(SOURCES, config.source, kind="source", base=Source)
    return chosen


def open_source(config: SourceConfig) -> Source[Any]:
    """The source that `config.source` names, with its options."""
    return source_class(config)(config)
