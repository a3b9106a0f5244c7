"""Crawl sources, one file each. A new source is a file here and a line below, `module:Class` or a YAML file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from vsd2m.core.registry import Chosen, component
from vsd2m.crawl.sources.base import Source, SourceConfig

SOURCES: dict[str, str] = {
    "addresses": "vsd2m.crawl.sources.addresses:AddressesSource",
    "gallery": "vsd2m.crawl.sources.gallery:GallerySource",
    "selectors": "vsd2m.crawl.sources.selectors:SelectorsSource",
    "json_api": "vsd2m.crawl.sources.json_api:JsonApiSource",
    "commons": "vsd2m.crawl.sources.commons:CommonsSource",
    "openverse": "vsd2m.crawl.sources.openverse:OpenverseSource",
    "mastodon": "vsd2m.crawl.sources.mastodon:MastodonSource",
    "misskey": "vsd2m.crawl.sources.misskey:MisskeySource",
    "telegram": "vsd2m.crawl.sources.telegram:TelegramSource",
    "giphy": "vsd2m.crawl.sources.giphy:GiphySource",
    "klipy": "vsd2m.crawl.sources.klipy:KlipySource",
}

SOURCE_FILES = (".yaml", ".yml")


class _ChosenSource(Chosen):
    """Where a YAML file stands for the name, its content stands for it: the options, beside which others may be given.

    So the config holds everything, and a worker or a later run needs no file.
    """

    own_names: ClassVar[str] = r":|\.ya?ml$"

    def _named(self, value: Any) -> tuple[str, Mapping[str, Any]]:
        name = value if isinstance(value, str) else value.get(self.key) if isinstance(value, Mapping) else None
        if not isinstance(name, str) or not name.endswith(SOURCE_FILES):
            return super()._named(value)
        options = {} if isinstance(value, str) else {key: option for key, option in value.items() if key != self.key}
        return super()._named({**_read(Path(name)), **options})


def _read(path: Path) -> Mapping[str, Any]:
    import yaml

    from vsd2m.core.strict_yaml import load_yaml

    try:
        options = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read the source {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"the source {path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(options, Mapping):
        raise ValueError(f"the source {path}: expected options, such as `site: https://stickers.example`")
    if str(options.get("source", "")).endswith(SOURCE_FILES):
        raise ValueError(f"the source {path}: `source` names another file; give a registry name or `module:Class`")
    return options


ChosenSource = Annotated[
    SourceConfig, _ChosenSource(SOURCES, "source", "vsd2m.crawl.sources.base:Source", default="selectors")
]
"""A config field that holds a source with its options."""


def source_class(config: SourceConfig) -> type[Source[Any]]:
    """The class of the source that `config.source` names; `ConfigError` if there is none."""
    chosen: type[Source[Any]] = component(SOURCES, config.source, kind="source", base=Source)
    return chosen


def open_source(config: SourceConfig) -> Source[Any]:
    """The source that `config.source` names, with its options."""
    return source_class(config)(config)
