"""The ingest stage: files, archives, data sets and packs to tars of original bytes and one row per sticker."""

import os
from dataclasses import asdict
from functools import cached_property
from typing import ClassVar

from vsd2m.core.commit import digest
from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.finds.columns import FIND_COLUMNS
from vsd2m.core.finds.media_tar import MediaTar
from vsd2m.core.finds.partition_plan import PartitionPlan
from vsd2m.core.partitioning import partition_stream
from vsd2m.core.run import Run
from vsd2m.core.stage import FileResult, FileStage, StageConfig, StageSpec
from vsd2m.ingest.config import IngestConfig
from vsd2m.ingest.entries import ListCounts, list_entries
from vsd2m.ingest.listing import Place
from vsd2m.ingest.readers import reader_classes
from vsd2m.ingest.readers.base import Limits
from vsd2m.ingest.reading import UNREADABLE, FileReader, Finds

COLUMNS = FIND_COLUMNS
ALL_UNREADABLE = 10
"""Files of one partition that cannot be read, and none that can: the run stops with a fault of the storage."""


class IngestStage(FileStage[IngestConfig]):
    """Stores the original bytes of every picture, with its statements. Everything else is a reject."""

    Config: ClassVar[type[StageConfig]] = IngestConfig

    def __init__(self, config: IngestConfig) -> None:
        super().__init__(config)
        self._classes = reader_classes(config.readers)
        self._plans: dict[str, PartitionPlan] = {}

    @cached_property
    def _place(self) -> Place:
        return Place(self.config.path)

    @property
    def spec(self) -> StageSpec:
        return StageSpec(name="ingest", version=2, reads=(), columns=COLUMNS)

    def model_versions(self) -> dict[str, str]:
        return {f"reader:{name}": str(reader.version) for name, reader in self._classes.items()}

    def missing(self) -> list[str]:
        return [] if self._place.exists() else [f"path: there is no file or folder {self.config.path}"]

    def seconds_per_sticker(self) -> float:
        return 0.002

    def num_partitions(self, run: Run) -> int:
        return len(self.plan(run).digests)

    def partitions(self, run: Run) -> list[int]:
        return list(self.plan(run).digests)

    def input_digest(self, run: Run, partition: int) -> str:
        return digest([self._place.label, self.plan(run).digests[partition]])

    def plan(self, run: Run) -> PartitionPlan:
        """The input files, listed once; `StorageError` if there are none."""
        if run.store.url not in self._plans:
            self._plans[run.store.url] = self._list(run)
        return self._plans[run.store.url]

    def write_partition(self, run: Run, partition: int) -> FileResult:
        entries = self.plan(run).entries(partition)
        media = f"{self.config.media_folder}/media-{partition:06d}.tar"
        reader = FileReader(
            self._place,
            self._classes,
            Limits(self.config.max_file_bytes, self.config.max_archive_bytes, self.config.max_members),
            self.config.columns,
            words_from_folders=self.config.words_from_folders,
        )
        with run.store.open_write(media) as file, MediaTar(file) as tar:
            finds = Finds(tar, media)
            for entry in entries:
                reader.read(entry, finds)
        num_unreadable = sum(reject["reason"] == UNREADABLE for reject in finds.rejects)
        if num_unreadable >= ALL_UNREADABLE and num_unreadable == len(entries):
            raise StorageError(
                f"none of {num_unreadable} files below {self.config.path} can be read: {finds.rejects[0]['detail']}"
            )
        num_read = len(finds.rows) + len(finds.rejects)
        return FileResult(num_read=num_read, kept=finds.rows, rejects=finds.rejects, files=[media])

    def _list(self, run: Run) -> PartitionPlan:
        self._check_outside(run)
        suffixes = tuple(suffix for reader in self._classes.values() if reader.is_archive for suffix in reader.suffixes)
        counts = ListCounts()
        partitions = partition_stream(
            list_entries(self._place, self.config, suffixes, counts), self.config.partition_files
        )
        parts = ((number, sorted(part, key=lambda entry: str(entry["name"]))) for number, part in partitions)
        plan = PartitionPlan.write(run.store, self.config.media_folder, parts)
        if counts.num_files == 0:
            raise StorageError(f"there are no files in {self.config.path}; expected stickers, archives or packs")
        if counts.num_rows and counts.num_rows == counts.num_rows_without_file:
            raise ConfigError(
                f"none of the {counts.num_rows} rows of the metadata names a file below {self.config.path}; "
                "name the column that does: columns: {file: COLUMN}"
            )
        plan.save(**asdict(counts))
        return plan

    def _check_outside(self, run: Run) -> None:
        """A run inside the folder would read what it writes."""
        folder = run.store.local_path("")
        if folder is None or not self._place.is_local or self._place.file_name is not None:
            return
        place, written = os.path.realpath(self.config.path), os.path.realpath(folder)
        if os.path.commonpath([place, written]) == place:
            raise ConfigError(
                f"run: {run.store.url} lies in {self.config.path}, which is read; choose a folder beside it"
            )
