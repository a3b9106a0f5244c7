"""Reads a site of the gallery's kind that asks for a key, and whose authors are always stated as "somebody"."""

from dataclasses import replace
from typing import ClassVar

from pydantic import SecretStr

from vsd2m.core.stage import neutral
from vsd2m.crawl.sources.base import Ask, FoundSticker, Page, SourceConfig
from vsd2m.crawl.sources.gallery import GalleryConfig, GallerySource


class AnonymousConfig(GalleryConfig):
    """The site's key."""

    source: str = "own_stickers.sources:Anonymous"
    key: SecretStr = neutral(..., description="the key that the site gave you")


class Anonymous(GallerySource):
    """Sends its key with every request, follows the cursor of each page, and takes over everything but the author."""

    Config: ClassVar[type[SourceConfig]] = AnonymousConfig

    def authorise(self, ask: Ask) -> Ask:
        return ask.with_headers(X_Api_Key=self.config.key.get_secret_value())

    def parse_sticker(self, page: Page) -> FoundSticker:
        return replace(super().parse_sticker(page), author="somebody")
