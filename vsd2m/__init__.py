"""Build, check, publish and load large animated-sticker datasets; train and judge generators on them."""

__version__ = "0.1.0"
