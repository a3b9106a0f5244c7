"""Takedown lists: addresses, hosts, authors and keys of stickers to remove.

As YAML or JSON (`addresses:`, `hosts:`, `authors:`, `keys:`, each a list), or as text with one entry a line: an
address, a key, or `host: NAME`, `author: NAME`, `address: URL`, `key: KEY`; `#` begins a comment.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

from vsd2m.core.commit import digest
from vsd2m.core.errors import ConfigError
from vsd2m.core.keys import KEY_LENGTH
from vsd2m.core.storage import Store
from vsd2m.core.strict_yaml import load_yaml

KINDS = {"address": "addresses", "host": "hosts", "author": "authors", "key": "keys"}
ADDRESS_COLUMNS = ("url", "page_url", "urls", "page_urls")
AUTHOR_COLUMNS = ("author", "authors")
_KEY = re.compile(rf"[0-9a-f]{{{KEY_LENGTH}}}")
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:.]*:[0-9a-f:.]*")
_WITHOUT_SCHEME = re.compile(r"(//)?[^/?#@:\s]+\.[^/?#@:\s]+(:[0-9]+)?/")
_ENCODED = re.compile(r"%([0-9a-fA-F]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_DELIMITERS = "!#$%&'()*+,/:;=?@[]"


@dataclass(frozen=True)
class TakedownList:
    """The entries by kind. Addresses are compared without scheme, fragment, usual port and the spelling of host and
    percent-encoding, authors without case.
    """

    addresses: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    authors: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.addresses or self.hosts or self.authors or self.keys)

    @classmethod
    def of(cls, entries: Mapping[str, Iterable[str]], *, path: str = "takedown list") -> "TakedownList":
        """The list with these entries by the names of `KINDS`' values; `ConfigError` names one that cannot be read."""
        unknown = [name for name in entries if name not in KINDS.values()]
        if unknown:
            raise ConfigError(f"{path}: unknown {unknown[0]!r}; expected {', '.join(KINDS.values())}")
        for name, values in entries.items():
            if not _is_list_of_texts(values):
                raise ConfigError(f"{path}: {name}: expected a list of texts, in quotes where YAML reads a number")
        read = {"addresses": plain_address, "hosts": _host_of_entry, "authors": _plain_author, "keys": str.lower}
        plain = {name: frozenset(map(read[name], map(str.strip, values or ()))) for name, values in entries.items()}
        for key in plain.get("keys", ()):
            if not _KEY.fullmatch(key):
                raise ConfigError(f"{path}: expected a key of {KEY_LENGTH} hex digits, found {key!r}")
        for entry in entries.get("hosts") or ():
            if not _HOST.fullmatch(_host_of_entry(entry)):
                raise ConfigError(f"{path}: expected a host, such as removed.example, found {entry!r}")
        return cls(**plain)

    @classmethod
    def read(cls, path: str) -> "TakedownList":
        """The list in a file at a path or fsspec address."""
        folder, _, name = path.rpartition("/")
        data = Store(folder or ".").read_bytes(name)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: expected UTF-8 text") from error
        if PurePosixPath(name).suffix.lower() in (".yaml", ".yml", ".json"):
            return cls.of(_mapping(text, path), path=path)
        return cls.of(_entries(text, path), path=path)

    def entry_for(self, row: Mapping[str, Any]) -> str | None:
        """The entry that takes a sticker down, from a row of any stage or of a shard; None: none does."""
        if row.get("key") in self.keys:
            return f"key {row['key']}"
        for address in _texts(row, ADDRESS_COLUMNS):
            if (entry := self.entry_for_address(address)) is not None:
                return entry
        for author in _texts(row, AUTHOR_COLUMNS):
            if _plain_author(author) in self.authors:
                return f"author {author}"
        return None

    def entry_for_address(self, address: str) -> str | None:
        """The entry that takes an address down: itself, its host, or a domain above that."""
        plain = plain_address(address)
        if plain in self.addresses:
            return f"address {address}"
        host = _host_in(plain)
        return next((f"host {entry}" for entry in self.hosts if host == entry or host.endswith(f".{entry}")), None)

    def columns_needed(self) -> tuple[tuple[str, ...], ...]:
        """Groups of columns, of each of which a table needs at least one for the list to be applied to it."""
        groups = [ADDRESS_COLUMNS] if self.addresses or self.hosts else []
        return (*groups, AUTHOR_COLUMNS) if self.authors else tuple(groups)

    def check_applies_to(self, columns: Sequence[str], *, where: str) -> None:
        """`ConfigError` if a table lacks the columns that the list refers to."""
        for group in self.columns_needed():
            if not set(group) & set(columns):
                kind = "authors" if group is AUTHOR_COLUMNS else "addresses or hosts"
                raise ConfigError(
                    f"the takedown list has {kind}, and {where} has none of the columns {', '.join(group)}; "
                    "name the stickers' keys instead"
                )

    def to_json(self) -> dict[str, list[str]]:
        """The entries as `of` accepts them."""
        return {name: sorted(getattr(self, name)) for name in KINDS.values()}

    def digest(self) -> str:
        """Changes with the entries."""
        return digest(self.to_json())


def plain_address(address: str) -> str:
    """An address, normalised for comparison; other texts are unchanged."""
    text = address.strip()
    try:
        split = urlsplit(f"//{text.removeprefix('//')}" if _WITHOUT_SCHEME.match(text) else text)
        host, port = _plain_host(split.hostname or ""), split.port
    except ValueError:
        return text
    if not host:
        return text
    host = f"[{host}]" if ":" in host else host
    port_text = "" if port in (None, _PORTS.get(split.scheme)) else f":{port}"
    query = f"?{split.query}" if split.query else ""
    return f"{host}{port_text}{_plain_encoding((split.path or '/') + query)}"


def _is_list_of_texts(values: Any) -> bool:
    if values is None:
        return True
    if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
        return False
    return all(isinstance(value, str) and value.strip() for value in values)


def _host_in(address: str) -> str:
    """The host of an address; empty where it has none."""
    try:
        return _plain_host(urlsplit(f"//{address}").hostname or "")
    except ValueError:
        return ""


def _host_of_entry(entry: str) -> str:
    """The host that an entry names: as HOST, *.HOST, HOST:PORT or `https://HOST/`; empty where it names none."""
    scheme, _, rest = entry.strip().rpartition("://")
    host = rest.removesuffix("/") if scheme in ("", *_PORTS) else ""
    host = f"[{host}]" if host.count(":") > 1 and "[" not in host else host
    return _host_in(host.removeprefix("*.")) if re.fullmatch(r"[^/?#@\s]+", host) else ""


def _plain_host(host: str) -> str:
    """In lower case, without a final dot, and as DNS knows it: `bücher.example` is `xn--bcher-kva.example`."""
    name = host.strip().lower().strip(".")
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name


def _plain_encoding(path: str) -> str:
    """Path and query with what may stay plain decoded, and everything else encoded in capitals."""
    quoted = quote(path, safe=_DELIMITERS, errors="replace")
    return _ENCODED.sub(_plain_character, quoted)


def _plain_character(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.fullmatch(character) else match[0].upper()


def _plain_author(author: str) -> str:
    return " ".join(author.split()).casefold()


def _texts(row: Mapping[str, Any], columns: Iterable[str]) -> Iterable[str]:
    for name in columns:
        value = row.get(name)
        yield from [value] if isinstance(value, str) else value or ()


def _mapping(text: str, path: str) -> dict[str, Any]:
    try:
        is_json = path.lower().endswith(".json")
        values = json.loads(text, object_pairs_hook=_object) if is_json else load_yaml(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected {', '.join(KINDS.values())}, each with a list")
    return values


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; `ValueError` for a name that is given twice, of which `json` would take the last."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is given twice")
    return dict(pairs)


def _entries(text: str, path: str) -> dict[str, list[str]]:
    entries: dict[str, list[str]] = {name: [] for name in KINDS.values()}
    for number, line in enumerate(text.splitlines(), 1):
        entry = re.sub(r"(^|\s)#.*", "", line).strip()
        kind, colon, value = entry.partition(":")
        if colon and kind.strip().lower() in KINDS and value.strip():
            entries[KINDS[kind.strip().lower()]].append(value.strip())
        elif re.match(r"https?://\S+$", entry, re.IGNORECASE):
            entries["addresses"].append(entry)
        elif _KEY.fullmatch(entry.lower()):
            entries["keys"].append(entry)
        elif entry:
            raise ConfigError(
                f"{path}: line {number}: expected an address, a key, or `host: NAME` or `author: NAME`, found {entry!r}"
            )
    return entries
