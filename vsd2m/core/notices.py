"""What a process is busy with before the work it was asked for: one line each, on the logger the command line shows."""

import logging

NAME = "vsd2m.notices"
_log = logging.getLogger(NAME)


def say(what: str) -> None:
    """Tells whoever listens; a program of one's own that configures `logging` decides for itself."""
    _log.info(what)
