"""One gallery with every misbehaviour, crawled once for all tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from crawl_sites import Crawl, make_crawl, make_picture, write_gallery

from vsd2m.core.stage import FileResult
from vsd2m.gallery.site import GallerySite

WORDS = ("many", "hello", "bye", "nothing at all", "早安")


@dataclass(frozen=True)
class Crawled:
    """The shared gallery and what a crawl of it gave."""

    folder: Path
    site: GallerySite
    crawl: Crawl
    result: FileResult


def _gallery(folder: Path) -> Path:
    files = {f"many-{number:02d}.gif": make_picture(number) for number in range(30)}
    entries = [{"file": name, "trigger_words": ["many"], "title": f"A < & {name}"} for name in files]
    planted = ("noai", "robots_disallowed", "dead_link", "slow", "redirect", "offsite_redirect", "html", "wrong_suffix")
    for number, kind in enumerate(planted, start=100):
        files[f"{kind}.gif"] = make_picture(number, "PNG" if kind == "wrong_suffix" else "GIF")
        entries.append({"file": f"{kind}.gif", "trigger_words": ["hello"], "planted": kind})
    del files["dead_link.gif"]
    files["html.gif"] = b"<!doctype html><title>gone</title>"
    files["both.gif"] = make_picture(500)
    stated = {"title": "Both", "tags": ["cat", "wave"], "licence": "CC0-1.0", "author": "Ann"}
    entries.append({"file": "both.gif", "trigger_words": ["hello", "bye", "早安"], **stated})
    files["again.gif"] = files["both.gif"]
    entries.append({"file": "again.gif", "trigger_words": ["bye"]})
    return write_gallery(folder, entries, files)


@pytest.fixture(scope="session")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    folder = _gallery(tmp_path_factory.mktemp("gallery"))
    with GallerySite(folder, slow_seconds=0.3) as site:
        crawl = make_crawl(tmp_path_factory.mktemp("run"), source="gallery", site=site.url, words=WORDS)
        yield Crawled(folder, site, crawl, crawl.write())
