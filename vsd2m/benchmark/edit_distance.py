"""How many characters must be put in, taken out or changed to make one text another (Levenshtein 1966)."""


def edit_distance(first: str, second: str) -> int:
    """0 for equal texts, at most the length of the longer."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]
