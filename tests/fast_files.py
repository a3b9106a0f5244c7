"""The files that `pytest -m fast` runs: quick ones, without the heavy libraries."""

HEAVY_LIBRARIES = frozenset({"paddle", "ray", "torch"})

FAST_FILES = frozenset(
    {
        "benchmark/test_benchmark_tables.py",
        "core/test_core_contract.py",
        "core/test_core_folder_lock.py",
        "core/test_core_generated_files.py",
        "core/test_core_parquet.py",
        "core/test_core_partitioning.py",
        "core/test_core_registry.py",
        "core/test_core_run.py",
        "core/test_core_schema.py",
        "core/test_core_stage.py",
        "core/test_core_storage.py",
        "crawl/test_crawl_catalog.py",
        "core/test_core_media_tar.py",
        "crawl/test_crawl_outcomes.py",
        "crawl/test_crawl_rights.py",
        "filter/test_filter_rules.py",
        "labelling/test_labelling_agreement.py",
        "labelling/test_labelling_design.py",
        "media/test_media_sampling.py",
        "media/test_media_types.py",
        "pipelines/test_pipelines_config.py",
        "shard/test_shard_order.py",
        "shard/test_shard_split.py",
        "shard/test_shard_sticker_text.py",
        "shard/test_shard_writer.py",
        "test_fast.py",
        "test_public_interface.py",
        "test_registry_names.py",
    }
)
