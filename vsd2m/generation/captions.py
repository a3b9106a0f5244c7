"""The text a generator is trained on and prompted with: "[Domain]<tab>[Description]", as in the paper."""


def conditioning_text(domain: str | None, caption: str) -> str:
    """The caption after its domain; only the caption if there is no domain."""
    return f"{domain}\t{caption}" if domain else caption
