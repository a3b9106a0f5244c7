"""Which addresses may be requested: http and https, on hosts and ports of the site, none in private networks."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from vsd2m.crawl.scraping.job import Refusal

_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class _Place:
    """A host, with its subdomains, and the ports that may be asked there."""

    host: str
    ports: frozenset[int]

    def covers(self, host: str) -> bool:
        return host == self.host or host.endswith(f".{self.host}")


class Places:
    """The hosts and ports of a crawl: those of `site`, and those named beside it as HOST or HOST:PORT.

    Without a port the usual ones and that of the site are meant. A loopback or private host that is written as such
    is allowed by naming it, at its port alone; one whose *name* leads inside has to stand in `private_hosts`.
    `any_host`: every public host may be asked, at the usual ports.
    """

    def __init__(
        self,
        site: str,
        media_hosts: Iterable[str] = (),
        private_hosts: Iterable[str] = (),
        *,
        any_host: bool = False,
    ) -> None:
        self._any_host = any_host
        self._site_port = origin(site)[2] or 0
        private_hosts = tuple(private_hosts)
        named = [urlsplit(site).netloc.rpartition("@")[2], *media_hosts, *private_hosts]
        self._places = [self._place(entry) for entry in named if entry]
        written = (place.host for place in self._places if is_written_private(place.host))
        self.private_hosts = frozenset({*written, *(self._place(entry).host for entry in private_hosts)})
        """Hosts whose names may lead inside a network."""

    def _place(self, entry: str) -> _Place:
        split = urlsplit(f"//{entry}")
        host = split.hostname or ""
        usual = frozenset() if is_written_private(host) else frozenset(_PORTS.values())
        return _Place(host, frozenset({split.port}) if split.port else usual | {self._site_port})

    def refusal(self, url: str, *, any_host: bool = False) -> Refusal | None:
        """Why `url` is not asked for, or None. `any_host`: for addresses that do not come from a page."""
        try:
            split = urlsplit(url)
            host = split.hostname
            url.encode()
            port = split.port or _PORTS.get(split.scheme, 0)
        except ValueError as error:
            return Refusal("bad_address", detail=f"not a valid address: {error}")
        if split.scheme and split.scheme not in _PORTS:
            return Refusal("unsupported_scheme", detail=f"{split.scheme}: is not asked for, only http and https are")
        if not split.scheme or not host:
            return Refusal("bad_address", detail="not an absolute address with a host")
        return self._place_refusal(host, port, any_host)

    def _place_refusal(self, host: str, port: int, any_host: bool) -> Refusal | None:
        places = [place for place in self._places if place.covers(host)]
        if is_written_private(host) and host not in self.private_hosts:
            return private_refusal(host, host)
        if not places and not (any_host or self._any_host):
            return Refusal("offsite_link", detail=f"{host} is not a host of the site; see `media_hosts`")
        ports = {port for place in places for port in place.ports} if places else {*_PORTS.values()}
        if port not in ports:
            detail = f"port {port} of {host} is not named; `media_hosts` may name it as {host}:{port}"
            return Refusal("other_port", value=port, detail=detail)
        return None


def private_refusal(host: str, address: str) -> Refusal:
    """The reject of an address inside this machine or network."""
    subject = host if host == address else f"{host} is {address},"
    detail = f"{subject} no public address; `private_hosts` may name it if that is meant"
    return Refusal("private_address", detail=detail)


def is_written_private(host: str) -> bool:
    """Whether a host, as it is written and without asking anyone, is inside this machine or network."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not is_public(host)
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet: not loopback, private, link-local, CGNAT, multicast, reserved.

    An IPv4 address inside an IPv6 one (mapped, 6to4, Teredo, NAT64) counts as itself.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and (inner := _inner(ip)) is not None:
        ip = inner
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _inner(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def is_place(entry: str) -> bool:
    """Whether a text is HOST or HOST:PORT."""
    try:
        split = urlsplit(f"//{entry}")
        return bool(split.hostname) and split.port != 0 and not re.search(r"[/?#@\s]", entry)
    except ValueError:
        return False


@lru_cache(4096)
def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port (RFC 6454)."""
    split = urlsplit(url)
    return split.scheme, split.hostname, split.port or _PORTS.get(split.scheme)
