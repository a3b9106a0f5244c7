"""The text a generator is trained on and prompted with: "[Domain]<tab>[Description]", as in the paper."""


def conditioning_text(domain: str | None, caption: str) -> str:
    """The caption with its domain before it; the caption alone where no domain is known."""
    return f"{domain}\t{caption}" if domain else caption
