"""The errors of a connection that nobody accepts."""

from scrapy.exceptions import CannotResolveHostError, DownloadConnectionRefusedError
from twisted.internet.error import ConnectError

NOBODY_THERE = (DownloadConnectionRefusedError, CannotResolveHostError, ConnectError)
