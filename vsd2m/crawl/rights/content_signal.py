"""Content Signals in robots.txt (contentsignals.org): `Content-Signal: search=yes, ai-train=no`."""

import re
from collections.abc import Iterable

from vsd2m.crawl.rights.robots_groups import RobotsGroups
from vsd2m.crawl.rights.signal import NO, Signal, Statement, Target

_RESERVES = re.compile(rf"ai[-_]train[\"']?[\s=:]+[\"'(\s]*({NO})(?![\w-])", re.IGNORECASE)


class ContentSignal(Signal):
    """`ai-train=no` reserves; no statement about `ai-train` neither grants nor reserves."""

    def in_robots(self, groups: RobotsGroups, target: Target) -> Iterable[Statement]:
        for value in groups.values("content-signal", target.product):
            text = f"Content-Signal: {value}"
            yield self.says("robots.txt", text, reserves=_RESERVES.search(value) is not None)
