"""Build, check, publish and load large animated-sticker datasets; train and judge generators on them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vsd2m.shard.loading.loader import load as load

__version__ = "0.1.0"

__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """`load` is imported when it is first asked for, so that `import vsd2m` stays instant."""
    if name == "load":
        from vsd2m.shard.loading.loader import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
