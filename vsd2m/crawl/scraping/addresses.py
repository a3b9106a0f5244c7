"""Which addresses may be asked for: http and https, on the hosts of the site, and nothing else."""

from urllib.parse import urlsplit

from vsd2m.crawl.scraping.job import Refusal

_PORTS = {"http": 80, "https": 443}


def address_refusal(url: str, hosts: tuple[str, ...] | None) -> Refusal | None:
    """Why `url` is not asked for, or None. `hosts` None: any host, for addresses that the source itself makes up."""
    try:
        split = urlsplit(url)
        host = split.hostname
        url.encode()
        _ = split.port
    except ValueError as error:
        return Refusal("bad_address", detail=f"not a valid address: {error}")
    if split.scheme and split.scheme not in _PORTS:
        return Refusal("unsupported_scheme", detail=f"{split.scheme}: is not asked for, only http and https are")
    if not split.scheme or not host:
        return Refusal("bad_address", detail="not an absolute address with a host")
    if hosts is not None and not is_allowed_host(url, hosts):
        return Refusal("offsite_link", detail=f"{host} is not a host of the site; see `media_hosts`")
    return None


def is_allowed_host(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether `url` is on one of `hosts` or below it."""
    host = urlsplit(url).hostname or ""
    return any(host == allowed or host.endswith(f".{allowed}") for allowed in hosts)


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port (RFC 6454): what answers as one."""
    split = urlsplit(url)
    return split.scheme, split.hostname, split.port or _PORTS.get(split.scheme)
