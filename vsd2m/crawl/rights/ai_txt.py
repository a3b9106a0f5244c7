"""`/ai.txt` (Spawning): robots.txt's syntax, about what may be used for training."""

from collections.abc import Iterable
from functools import lru_cache

from vsd2m.crawl.rights.patterns import path_matches
from vsd2m.crawl.rights.robots_groups import RobotsGroups
from vsd2m.crawl.rights.signal import NUM_KNOWN_FILES, Signal, Statement, Target


class AiTxt(Signal):
    """The longest matching rule holds; of equal ones `Disallow` does."""

    site_files = ("/ai.txt",)

    def in_site_file(self, path: str, text: str, target: Target) -> Iterable[Statement]:
        groups = _parsed(text)
        rules = [
            (len(pattern), name == "disallow", f"{name.capitalize()}: {pattern}")
            for name in ("allow", "disallow")
            for pattern in groups.values(name, target.product)
            if pattern and path_matches(pattern if pattern.startswith(("/", "*")) else f"/{pattern}", target.path)
        ]
        if rules:
            _, is_disallowed, rule = max(rules)
            yield self.says(path, rule, reserves=is_disallowed)


@lru_cache(NUM_KNOWN_FILES)
def _parsed(text: str) -> RobotsGroups:
    return RobotsGroups(text.encode(errors="replace"))
