"""The options of the ingest stage."""

from pydantic import Field, field_validator

from vsd2m.core.finds.statements import GUESSES
from vsd2m.core.stage import StageConfig, neutral


class IngestConfig(StageConfig):
    """Where the stickers are, and how they are described."""

    path: str = neutral(
        ..., min_length=1, description="folder, file or fsspec URL: pictures, archives, data sets and packs, nested"
    )
    follow_symlinks: bool = Field(False, description="follow symbolic links; false: they are rejects")
    metadata: str | None = neutral(
        None,
        description="table (CSV, TSV, JSON lines, Parquet) with a row for each file, below `path` or at another "
        "address; null: metadata, index, captions, labels or truth beside the files, if there is one",
    )
    header: bool | None = Field(
        None, description="whether a CSV or TSV begins with the names of its columns; null: unless it has an address"
    )
    columns: dict[str, str] = Field(
        {}, description=f"field -> column of the tables, where the guess is wrong; fields: {', '.join(GUESSES)}"
    )
    words_from_folders: bool = Field(
        True, description="the name of a picture's folder is its trigger word, where nothing else names one"
    )
    readers: tuple[str, ...] | None = Field(
        None, description="readers that are tried, in order: registry names or your own `module:Class`; null: all"
    )
    partition_files: int = neutral(
        1000, ge=1, le=100_000, description="largest number of files in a partition; an archive counts by its size"
    )
    max_file_bytes: int = Field(20 << 20, ge=1, description="largest picture that is read")
    max_archive_bytes: int = Field(64 << 30, ge=1, description="bytes that are unpacked from one archive")
    max_members: int = Field(1_000_000, ge=1, description="members that are read of one archive")
    media_folder: str = Field(
        "ingest", pattern=r"^[a-z0-9_]+$", description="folder of the tars; a run with several ingests needs several"
    )

    @field_validator("columns")
    @classmethod
    def _are_fields(cls, columns: dict[str, str]) -> dict[str, str]:
        for name in columns:
            if name not in GUESSES:
                raise ValueError(f"unknown field {name!r}; known: {', '.join(GUESSES)}")
        return columns
