"""Reads a site of the gallery's kind, whose authors are always stated as "somebody"."""

from dataclasses import replace

from vsd2m.crawl.sources.base import FoundSticker, Page
from vsd2m.crawl.sources.gallery import GallerySource


class Anonymous(GallerySource):
    """Takes over everything but the author."""

    def parse_sticker(self, page: Page) -> FoundSticker:
        return replace(super().parse_sticker(page), author="somebody")
