"""When the next request to each host may be sent, by any worker. No clock: the time is a parameter."""


class HostTurns:
    """The last request to each host, and the pauses that hosts asked for."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._paused_until: dict[str, float] = {}

    def wait_s(self, host: str, delay_s: float, *, now: float) -> float:
        """Seconds until a request may be sent to `host`, at least `delay_s` after the last one; 0 if it may now."""
        after_last = self._last[host] + delay_s if host in self._last else now
        return max(0.0, after_last - now, self._paused_until.get(host, now) - now)

    def take(self, host: str, *, now: float) -> None:
        """A request is sent to `host` now."""
        self._last[host] = now

    def pause(self, host: str, seconds: float, *, now: float) -> None:
        """Pauses requests to `host`; a longer current pause stays."""
        self._paused_until[host] = max(self._paused_until.get(host, now), now + seconds)
