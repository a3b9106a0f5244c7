"""Crawl sources, one file each. A new source is a file here and a line below, or `module:Class` in a config."""

SOURCES: dict[str, str] = {
    "gallery": "vsd2m.crawl.sources.gallery:GallerySource",
}
