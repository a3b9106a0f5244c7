"""WebDataset tars: files of one sample stand together and share their name up to the first dot."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from vsd2m.core.finds.statements import Statement, columns_of, statement_of
from vsd2m.core.finds.valid_text import valid_text
from vsd2m.ingest.archives import ArchiveMember, tar_members
from vsd2m.ingest.readers.base import InputFile, Member, Reader, Refusal
from vsd2m.media.media_types import sniff

_TEXTS = {"txt": "caption", "text": "caption", "caption": "caption", "cls": "words"}
_BINARY = ("npy", "npz", "pyd", "pickle", "pth", "ten", "tb")


class WebDatasetReader(Reader):
    """Every picture of a sample, with its `json` and `txt`. A sample without a picture is a reject."""

    suffixes: ClassVar[tuple[str, ...]] = (".tar", ".tar.gz", ".tgz")

    def read(self, file: InputFile) -> Iterator[Member]:
        for sample, members in itertools.groupby(_with_end(tar_members(file, self.limits)), key=_sample_name):
            yield from self._sample(sample, list(members))

    def _sample(self, sample: str, members: Sequence[ArchiveMember]) -> Iterator[Member]:
        statement = self._statement(members)
        descriptions = [member for member in members if _is_description(member)]
        pictures = [member for member in members if member not in descriptions]
        for picture in pictures:
            yield Member(picture.name, picture.content, statement)
        if not pictures:
            yield Member(sample, Refusal("no_picture", detail="the sample has no picture"), statement)

    def _statement(self, members: Sequence[ArchiveMember]) -> Statement:
        statement = Statement()
        for member in members:
            if not isinstance(member.content, bytes) or not _is_description(member):
                continue
            suffix = _suffix(member)
            if suffix == "json":
                facts = _json_facts(member.content)
                statement = statement_of(facts, self._columns(facts)).over(statement)
            elif suffix in _TEXTS:
                row = {_TEXTS[suffix]: valid_text(member.content.decode("utf-8", "replace"))}
                statement = statement.over(statement_of(row, {name: name for name in row}))
        return statement

    def _columns(self, facts: Mapping[str, Any]) -> Mapping[str, str]:
        mapped = {name: column for name, column in self.columns.items() if column in facts}
        return columns_of(facts, mapped, where="the sample")


def _with_end(members: Iterator[ArchiveMember]) -> Iterator[ArchiveMember]:
    """`members`, with a refusal that ends them as the last member, after the complete samples."""
    try:
        yield from members
    except Refusal as refusal:
        yield ArchiveMember("", refusal)


def _sample_name(member: ArchiveMember) -> str:
    folder, slash, name = member.name.rpartition("/")
    return folder + slash + name.partition(".")[0]


def _suffix(member: ArchiveMember) -> str:
    return member.name.rpartition("/")[2].partition(".")[2].lower()


def _is_description(member: ArchiveMember) -> bool:
    """Whether it describes the sample. A `json` may be a Lottie animation, which is a picture."""
    suffix = _suffix(member)
    if suffix == "json" and isinstance(member.content, bytes):
        return sniff(member.content) != "lottie"
    return suffix in _TEXTS or suffix in _BINARY or member.name.rpartition("/")[2].startswith("__")


def _json_facts(data: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}
