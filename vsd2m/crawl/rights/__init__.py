"""Machine-readable reservations against machine learning, a file per signal. A new one is a file here and a line below.

Within a signal and between signals the most restrictive statement wins; an ambiguous one counts as a reservation.
"""

from functools import cache

from vsd2m.core.registry import component
from vsd2m.crawl.rights.signal import Signal

SIGNALS: dict[str, str] = {
    "content_signal": "vsd2m.crawl.rights.content_signal:ContentSignal",
    "aipref": "vsd2m.crawl.rights.aipref:ContentUsage",
    "tdmrep": "vsd2m.crawl.rights.tdmrep:TdmReservation",
    "rsl": "vsd2m.crawl.rights.rsl:ReallySimpleLicensing",
    "ai_txt": "vsd2m.crawl.rights.ai_txt:AiTxt",
    "robots_tags": "vsd2m.crawl.rights.robots_tags:RobotsTags",
    "data_mining": "vsd2m.crawl.rights.data_mining:DataMining",
}


@cache
def signals() -> tuple[Signal, ...]:
    """One instance of each signal."""
    return tuple(component(SIGNALS, name, kind="signal", base=Signal)(name) for name in SIGNALS)
