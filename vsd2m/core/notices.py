"""Notices of slow preparations, such as converting weights, on the logger that the command line shows."""

import logging

NAME = "vsd2m.notices"
_log = logging.getLogger(NAME)


def say(what: str) -> None:
    """Logs a notice; other programs decide with `logging` whether to show it."""
    _log.info(what)
