"""Commit records: the one mechanism behind resume, exactly-once, invalidation, lineage and status.

A partition of a stage is done if and only if its record exists and matches the digests of the
partition's current inputs and of the stage's current identity.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vsd2m.core.errors import StageError


class OutputFile(BaseModel):
    """One file a partition wrote."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    sha256: str
    num_bytes: int


class CommitRecord(BaseModel):
    """Written last, atomically, once everything it names is in place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    partition: int | None = Field(description="None where the stage commits all partitions at once")
    identity: str = Field(description="digest of the stage's spec, config and model versions")
    inputs: str = Field(description="digest of everything the partition read")
    outputs: dict[str, OutputFile] = Field(description="path relative to the run -> digest")
    num_read: int = Field(ge=0)
    num_kept: int = Field(ge=0)
    num_dropped: int = Field(ge=0)
    num_failed: int = Field(ge=0)
    reasons: dict[str, int] = Field(description="histogram over dropped and failed")
    versions: dict[str, str] = Field(description="code and model versions")
    config: dict[str, Any] = Field(description="the stage's resolved config")
    seconds: float = Field(ge=0, description="wall time of the work, not part of any digest")
    num_computed: int = Field(ge=0, description="stickers computed now; the others were carried over unchanged")

    @model_validator(mode="after")
    def _nothing_is_lost(self) -> "CommitRecord":
        if self.num_kept + self.num_dropped + self.num_failed != self.num_read:
            raise StageError(
                f"{self.stage}: kept {self.num_kept} + dropped {self.num_dropped} + failed {self.num_failed} "
                f"!= read {self.num_read}; a sticker was lost or counted twice, please report this"
            )
        return self

    def to_bytes(self) -> bytes:
        return (self.model_dump_json(indent=2) + "\n").encode()


def digest(value: Mapping[str, Any] | list[Any]) -> str:
    """sha256 of the canonical JSON of `value`."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
