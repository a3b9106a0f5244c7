"""A WhatsApp pack as sticker makers export it: a zip of WebP stickers, a PNG as its icon, `title.txt`, `author.txt`."""

from collections.abc import Iterator
from typing import ClassVar

from vsd2m.core.finds.statements import Statement
from vsd2m.core.finds.valid_text import valid_text
from vsd2m.ingest.archives import zip_members
from vsd2m.ingest.readers.base import InputFile, Member, Reader, Refusal

_TEXTS = {"title.txt": "title", "author.txt": "author"}
_COVER = Refusal("pack_cover", detail="the icon of the pack, not a sticker of it")


class WhatsAppReader(Reader):
    """The pack's stickers with its title and author."""

    suffixes: ClassVar[tuple[str, ...]] = (".wastickers",)

    def read(self, file: InputFile) -> Iterator[Member]:
        texts: dict[str, str] = {}
        for member in zip_members(file, self.limits, only=_TEXTS):
            if isinstance(member.content, bytes):
                texts[_TEXTS[member.name]] = valid_text(member.content.decode("utf-8-sig", "replace")).strip()
        statement = Statement(title=texts.get("title", ""), author=texts.get("author", ""))
        for member in zip_members(file, self.limits):
            if member.name in _TEXTS:
                continue
            is_cover = member.name.lower().endswith(".png")
            yield Member(member.name, _COVER if is_cover else member.content, statement)
