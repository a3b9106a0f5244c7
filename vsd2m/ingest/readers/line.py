"""A LINE pack: a zip with `productInfo.meta`, stills, and for an animated pack the stickers in `animation@2x/`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from vsd2m.core.finds.statements import Statement, texts_in
from vsd2m.ingest.archives import zip_members, zip_names
from vsd2m.ingest.readers.base import InputFile, Member, Reader, Refusal

META = "productInfo.meta"
_ANIMATIONS = ("animation@2x/", "animation/")
_PREVIEW = Refusal("pack_preview", detail="a button of the pack, or the still of an animated sticker")


class LineReader(Reader):
    """The pack's stickers with its title and author, in English where it has them; previews are rejects."""

    suffixes: ClassVar[tuple[str, ...]] = (".zip",)

    def matches(self, file: InputFile) -> bool:
        return META in zip_names(file)

    def read(self, file: InputFile) -> Iterator[Member]:
        pack = self._pack_statement(file)
        is_animated = any(name.startswith(_ANIMATIONS) for name in zip_names(file))
        for member in zip_members(file, self.limits):
            if member.name == META:
                continue
            is_preview = _is_button(member.name) or (is_animated and not member.name.startswith(_ANIMATIONS))
            yield Member(member.name, _PREVIEW if is_preview else member.content, pack)

    def _pack_statement(self, file: InputFile) -> Statement:
        for member in zip_members(file, self.limits, only={META}):
            if isinstance(member.content, bytes):
                return _statement(member.content)
        return Statement()


def _is_button(name: str) -> bool:
    return name.startswith("tab_") or name.rsplit(".", 1)[0].removesuffix("@2x").endswith("_key")


def _statement(data: bytes) -> Statement:
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError):
        return Statement()
    if not isinstance(facts, dict):
        return Statement()
    return Statement(
        title=_in_english(facts.get("title")),
        author=_in_english(facts.get("author")),
        source_id=next(iter(texts_in(facts.get("packageId"))), ""),
    )


def _in_english(names: Any) -> str:
    """The English one of a text's translations, or the first."""
    if not isinstance(names, Mapping):
        return next(iter(texts_in(names)), "")
    return next(iter([*texts_in(names.get("en")), *texts_in(list(names.values()))]), "")
