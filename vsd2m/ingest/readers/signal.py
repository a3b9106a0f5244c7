"""A Signal pack as its server keeps it: an encrypted `manifest.proto` and pictures, with the pack's key beside.

A folder holds `manifest.proto`, the pictures as `full/0`, `full/1`, ... or `0`, `1`, ..., and a text file (`pack_key`,
`pack_key.txt` or `link.txt`) with the key of 64 hex digits or the link `https://signal.art/addstickers/#...`. Each
encrypted file is iv (16 bytes), AES-256-CBC with PKCS7 padding, HMAC-SHA256 (32 bytes) of what stands before; both keys
come from HKDF-SHA256 of the pack's key without salt and with the info "Sticker Pack".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from vsd2m.core.finds.statements import Statement
from vsd2m.core.finds.valid_text import valid_text
from vsd2m.core.registry import import_extra
from vsd2m.ingest.listing import SIGNAL_KEY_FILES, SIGNAL_MANIFEST
from vsd2m.ingest.protobuf import Fields, ProtobufError, fields_of
from vsd2m.ingest.readers.base import InputFile, Member, Reader, Refusal

FOLDERS = ("full/", "")
_INFO = b"Sticker Pack"
_IV, _MAC, _BLOCK = 16, 32, 16
_MAX_STICKERS = 10_000


@dataclass(frozen=True)
class _Keys:
    cipher: bytes
    mac: bytes

    def decrypt(self, data: bytes) -> bytes:
        """What was encrypted; `Refusal` where it was changed, or the key is another pack's."""
        import hmac

        from cryptography.hazmat.primitives import padding
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        body, tag = data[:-_MAC], data[-_MAC:]
        if len(body) < _IV + _BLOCK or not hmac.compare_digest(hmac.digest(self.mac, body, "sha256"), tag):
            raise Refusal("cannot_decrypt", detail="the key is not this pack's, or the file was changed")
        decryptor = Cipher(algorithms.AES(self.cipher), modes.CBC(body[:_IV])).decryptor()
        unpadder = padding.PKCS7(_BLOCK * 8).unpadder()
        try:
            padded = decryptor.update(body[_IV:]) + decryptor.finalize()
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError as error:
            raise Refusal("cannot_decrypt", detail=str(error)) from error


class SignalReader(Reader):
    """The pack's stickers with its title, its author, and as their words the emoji they stand for."""

    suffixes: ClassVar[tuple[str, ...]] = (SIGNAL_MANIFEST,)

    def matches(self, file: InputFile) -> bool:
        return file.name.rpartition("/")[2] == SIGNAL_MANIFEST

    def read(self, file: InputFile) -> Iterator[Member]:
        import_extra("cryptography", extra="ingest")
        keys = _derived(_pack_key(file))
        try:
            pack = fields_of(keys.decrypt(file.read(self.limits.max_file_bytes)))
            title, author = _text(pack, 1), _text(pack, 2)
            stickers = [_sticker(entry) for entry in pack.messages(4)[:_MAX_STICKERS]]
            covers = [_sticker(entry) for entry in pack.messages(3)]
        except ProtobufError as error:
            raise Refusal("damaged_archive", detail=f"the pack's manifest: {error}") from error
        for number, emoji in dict.fromkeys(stickers):
            statement = Statement(words=(emoji,) if emoji else (), title=title, author=author)
            yield Member(str(number), self._picture(file, number, keys), statement)
        for number, _ in covers:
            if number not in {sticker for sticker, _ in stickers}:
                yield Member(str(number), Refusal("pack_cover", detail="the cover of the pack, not a sticker of it"))

    def _picture(self, file: InputFile, number: int, keys: _Keys) -> bytes | Refusal:
        candidates = (file.beside(f"{folder}{number}") for folder in FOLDERS)
        picture = next((candidate for candidate in candidates if candidate is not None), None)
        if picture is None:
            return Refusal("missing_file", detail=f"the pack's manifest names picture {number}, which is not beside it")
        try:
            return keys.decrypt(picture.read(self.limits.max_file_bytes + _IV + _BLOCK + _MAC))
        except Refusal as refusal:
            return refusal


def _pack_key(file: InputFile) -> bytes:
    for name in SIGNAL_KEY_FILES:
        if (key_file := file.beside(name)) is not None:
            text = key_file.read(1 << 16).decode("utf-8", "replace")
            match = re.search(r"pack_key=([0-9a-fA-F]{64})\b", text) or re.fullmatch(r"\s*([0-9a-fA-F]{64})\s*", text)
            if match is None:
                raise Refusal("no_pack_key", detail=f"{name}: expected 64 hex digits, or a link with pack_key=")
            return bytes.fromhex(match[1])
    raise Refusal(
        "no_pack_key", detail=f"put the pack's key or link beside {SIGNAL_MANIFEST}, into {SIGNAL_KEY_FILES[0]}"
    )


def _derived(pack_key: bytes) -> _Keys:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    both = HKDF(algorithm=SHA256(), length=64, salt=None, info=_INFO).derive(pack_key)
    return _Keys(both[:32], both[32:])


def _sticker(data: bytes) -> tuple[int, str]:
    """(id, emoji)."""
    entry = fields_of(data)
    return entry.number(1), _text(entry, 2)


def _text(message: Fields, number: int) -> str:
    return valid_text(message.text(number)).strip()
