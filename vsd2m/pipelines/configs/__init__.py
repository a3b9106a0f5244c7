"""Configs that come with the package."""

from importlib.resources import files

RECIPES = ("gallery",)


def recipe(name: str) -> str:
    """The YAML text of a recipe."""
    return files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
