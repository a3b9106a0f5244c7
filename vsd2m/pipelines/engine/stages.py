"""The stages a config can name. A new stage is one file in its part of the package and one line here."""

import importlib
from collections.abc import Mapping

from vsd2m.core.schema import Column, Schema

STAGES: dict[str, str] = {
    "crawl": "vsd2m.crawl.stage:CrawlStage",
    "ingest": "vsd2m.ingest.stage:IngestStage",
    "catalog": "vsd2m.crawl.catalog:CatalogStage",
    "probe": "vsd2m.media.probe:ProbeStage",
    "filter": "vsd2m.filter.stage:FilterStage",
    "near_duplicates": "vsd2m.filter.near_duplicates:NearDuplicatesStage",
    "perceptual_hashes": "vsd2m.filter.perceptual_hashes:PerceptualHashesStage",
    "ocr": "vsd2m.annotate.ocr.ocr_stage:OcrStage",
    "domain": "vsd2m.annotate.domain.domain_stage:DomainStage",
    "unsafe": "vsd2m.annotate.unsafe:UnsafeStage",
    "watermark": "vsd2m.annotate.watermark:WatermarkStage",
    "describe": "vsd2m.annotate.describe:DescribeStage",
    "caption": "vsd2m.annotate.caption:CaptionStage",
    "split": "vsd2m.shard.split:SplitStage",
    "shard": "vsd2m.shard.stage:ShardStage",
    "stats": "vsd2m.shard.publishing.statistics:StatisticsStage",
}


def columns_by_stage() -> Mapping[str, tuple[Column, ...]]:
    """Stage -> the columns it declares: the `COLUMNS` of its module, or none."""
    modules = {name: importlib.import_module(where.partition(":")[0]) for name, where in STAGES.items()}
    return {name: getattr(module, "COLUMNS", ()) for name, module in modules.items()}


def contract() -> Schema:
    """The columns of all stages that a config can name; your own stage's columns must not contradict them."""
    return {column.name: column for columns in columns_by_stage().values() for column in columns}
