"""How threads of other libraries wait for each other: asleep.

Threads that spin until the next piece of work take the processor from whatever else runs: on busy cores two of them
took twenty times as long as one. Set before a library with OpenMP is loaded, and so by `import vsd2m`, whose processes
(Scrapy, Ray's workers) import it too or inherit it.
"""

import os
from collections.abc import MutableMapping


def wait_asleep(environment: MutableMapping[str, str] = os.environ) -> None:
    """Makes OpenMP's threads sleep while they wait (GNU's of torch, Intel's of Paddle), unless the user has said how
    they should."""
    if "OMP_WAIT_POLICY" not in environment:
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
        environment.setdefault("KMP_BLOCKTIME", "0")
