"""Names are resolved here once, and the address that was checked is the one that is connected to."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from scrapy.crawler import Crawler
from scrapy.resolver import CachingThreadedResolver
from twisted.internet.error import DNSLookupError

from vsd2m.crawl.scraping.addresses import is_public

PRIVATE_HOSTS = "VSD2M_PRIVATE_HOSTS"
"""Scrapy's setting with the hosts that may be inside the network."""

refused_hosts: dict[str, str] = {}
"""Host -> the address for which it was refused."""


class PublicResolver(CachingThreadedResolver):  # type: ignore[misc]
    """Gives no address inside this machine or network, except for the hosts that the config names, and proxies.

    Behind a proxy it is the proxy that resolves names, and its rules that hold.
    """

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: Any) -> "PublicResolver":
        resolver: PublicResolver = super().from_crawler(crawler, reactor)
        proxies = (urlsplit(proxy if "//" in proxy else f"//{proxy}").hostname for proxy in getproxies().values())
        resolver._private_hosts = frozenset({*crawler.settings.getlist(PRIVATE_HOSTS), *proxies})
        return resolver

    def getHostByName(self, name: str, timeout: Sequence[int] = ()) -> Any:  # noqa: N802 (named by Twisted)
        return super().getHostByName(name, timeout).addCallback(self._checked, name.casefold())

    def _checked(self, address: str, name: str) -> str:
        is_named = any(name == host or name.endswith(f".{host}") for host in self._private_hosts)
        if not is_named and not is_public(address):
            refused_hosts[name] = address
            raise DNSLookupError(f"{name} is {address}, no public address")
        return address
