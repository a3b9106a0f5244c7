"""Configs that come with the package."""

from importlib.resources import files

CONFIGS = ("gallery", "ingest")


def config_text(name: str) -> str:
    """The YAML text of a packaged config."""
    return files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
