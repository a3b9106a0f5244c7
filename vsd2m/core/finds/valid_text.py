"""Text from the web as valid Unicode."""


def valid_text(text: str) -> str:
    """`text` with surrogate pairs joined and lone surrogates replaced by U+FFFD; valid text stays as it is.

    JSON can name half a character (`\\ud83d`), which neither UTF-8 nor Parquet can hold.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
