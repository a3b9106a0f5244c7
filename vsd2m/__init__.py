"""Build, check, publish and load large animated-sticker datasets; train and judge generators on them.

What this module names is the public interface; docs/stability.md says what may be relied on. Names are imported when
they are first asked for, so that `import vsd2m` loads no library.
"""

import importlib
from typing import TYPE_CHECKING, Any

from vsd2m.core.threads import wait_asleep

if TYPE_CHECKING:
    from vsd2m.annotate.describers.base import Describer as Describer
    from vsd2m.annotate.describers.base import DescriberConfig as DescriberConfig
    from vsd2m.annotate.describers.base import Sighting as Sighting
    from vsd2m.annotate.engines.base import Completion as Completion
    from vsd2m.annotate.engines.base import EngineConfig as EngineConfig
    from vsd2m.annotate.engines.base import TextEngine as TextEngine
    from vsd2m.benchmark.extractors.base import Extractor as Extractor
    from vsd2m.benchmark.metric import ClipMetric as ClipMetric
    from vsd2m.benchmark.metric import Metric as Metric
    from vsd2m.core.errors import ConfigError as ConfigError
    from vsd2m.core.errors import MediaError as MediaError
    from vsd2m.core.errors import Vsd2mError as Vsd2mError
    from vsd2m.core.run import Run as Run
    from vsd2m.core.schema import Column as Column
    from vsd2m.core.stage import Batch as Batch
    from vsd2m.core.stage import Drop as Drop
    from vsd2m.core.stage import FileResult as FileResult
    from vsd2m.core.stage import FileStage as FileStage
    from vsd2m.core.stage import StageConfig as StageConfig
    from vsd2m.core.stage import StageSpec as StageSpec
    from vsd2m.core.stage import StickerStage as StickerStage
    from vsd2m.core.stage import TableResult as TableResult
    from vsd2m.core.stage import TableStage as TableStage
    from vsd2m.core.stage import neutral as neutral
    from vsd2m.crawl.sources.base import ApiPolicy as ApiPolicy
    from vsd2m.crawl.sources.base import Ask as Ask
    from vsd2m.crawl.sources.base import FoundSticker as FoundSticker
    from vsd2m.crawl.sources.base import Page as Page
    from vsd2m.crawl.sources.base import PageError as PageError
    from vsd2m.crawl.sources.base import SearchResults as SearchResults
    from vsd2m.crawl.sources.base import Source as Source
    from vsd2m.crawl.sources.base import SourceConfig as SourceConfig
    from vsd2m.crawl.sources.base import Terms as Terms
    from vsd2m.crawl.sources.base import UnreadSticker as UnreadSticker
    from vsd2m.filter.rule import Check as Check
    from vsd2m.filter.rule import Rule as Rule
    from vsd2m.filter.rule import measured as measured
    from vsd2m.generation.sampler import generate as generate
    from vsd2m.generation.sampler import load_pipeline as load_pipeline
    from vsd2m.generation.trainer import train as train
    from vsd2m.media.clip import Clip as Clip
    from vsd2m.media.decode import decode as decode
    from vsd2m.media.encode import encode as encode
    from vsd2m.pipelines.engine.config import read_config as read_config
    from vsd2m.pipelines.engine.plan import make_plan as make_plan
    from vsd2m.pipelines.engine.runners import run_plan as run_plan
    from vsd2m.pipelines.suite.benchmarking import run_suite as run_suite
    from vsd2m.shard.loading.loader import load as load
    from vsd2m.shard.loading.samples import collate as collate
    from vsd2m.shard.loading.webdataset_pipeline import to_webdataset as to_webdataset
    from vsd2m.shard.reader import ShardReader as ShardReader
    from vsd2m.shard.verify import verify as verify

wait_asleep()

__version__ = "0.1.0"

_MODULES = {
    "ApiPolicy": "vsd2m.crawl.sources.base",
    "Ask": "vsd2m.crawl.sources.base",
    "Batch": "vsd2m.core.stage",
    "Check": "vsd2m.filter.rule",
    "Clip": "vsd2m.media.clip",
    "ClipMetric": "vsd2m.benchmark.metric",
    "Column": "vsd2m.core.schema",
    "Completion": "vsd2m.annotate.engines.base",
    "ConfigError": "vsd2m.core.errors",
    "Describer": "vsd2m.annotate.describers.base",
    "DescriberConfig": "vsd2m.annotate.describers.base",
    "Drop": "vsd2m.core.stage",
    "EngineConfig": "vsd2m.annotate.engines.base",
    "Extractor": "vsd2m.benchmark.extractors.base",
    "FileResult": "vsd2m.core.stage",
    "FileStage": "vsd2m.core.stage",
    "FoundSticker": "vsd2m.crawl.sources.base",
    "MediaError": "vsd2m.core.errors",
    "Metric": "vsd2m.benchmark.metric",
    "Page": "vsd2m.crawl.sources.base",
    "PageError": "vsd2m.crawl.sources.base",
    "Rule": "vsd2m.filter.rule",
    "Run": "vsd2m.core.run",
    "SearchResults": "vsd2m.crawl.sources.base",
    "ShardReader": "vsd2m.shard.reader",
    "Sighting": "vsd2m.annotate.describers.base",
    "Source": "vsd2m.crawl.sources.base",
    "SourceConfig": "vsd2m.crawl.sources.base",
    "StageConfig": "vsd2m.core.stage",
    "StageSpec": "vsd2m.core.stage",
    "StickerStage": "vsd2m.core.stage",
    "TableResult": "vsd2m.core.stage",
    "TableStage": "vsd2m.core.stage",
    "Terms": "vsd2m.crawl.sources.base",
    "TextEngine": "vsd2m.annotate.engines.base",
    "UnreadSticker": "vsd2m.crawl.sources.base",
    "Vsd2mError": "vsd2m.core.errors",
    "collate": "vsd2m.shard.loading.samples",
    "decode": "vsd2m.media.decode",
    "encode": "vsd2m.media.encode",
    "generate": "vsd2m.generation.sampler",
    "load": "vsd2m.shard.loading.loader",
    "load_pipeline": "vsd2m.generation.sampler",
    "make_plan": "vsd2m.pipelines.engine.plan",
    "measured": "vsd2m.filter.rule",
    "neutral": "vsd2m.core.stage",
    "read_config": "vsd2m.pipelines.engine.config",
    "run_plan": "vsd2m.pipelines.engine.runners",
    "run_suite": "vsd2m.pipelines.suite.benchmarking",
    "to_webdataset": "vsd2m.shard.loading.webdataset_pipeline",
    "train": "vsd2m.generation.trainer",
    "verify": "vsd2m.shard.verify",
}

__all__ = ["__version__", *_MODULES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
