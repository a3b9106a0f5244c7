"""Numbers as pages print them."""


def number(value: float) -> str:
    """A number with at most four significant digits; integers in full."""
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"


def bytes_text(num_bytes: int) -> str:
    """A size in decimal units: 999 B, 1.0 kB, 2.5 GB."""
    value = float(num_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
