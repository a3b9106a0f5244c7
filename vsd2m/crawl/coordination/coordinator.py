"""The coordinator of a crawl's workers: a small server in the process that runs the plan.

A worker asks it for its turn before it sends a request to a host, so that a host's rate holds for all workers
together; and for the answer of an address before it requests it, so that each is requested once.
Messages are lines of JSON, after a first line with the kind of client and the token that the workers were given.
"""

import asyncio
import contextlib
import json
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from vsd2m.crawl.coordination.host_turns import HostTurns
from vsd2m.crawl.coordination.shared_answers import SharedAnswers

MAX_LINE_BYTES = 64 << 20


@contextlib.contextmanager
def coordinator(answers: SharedAnswers, *, host: str) -> Iterator[str]:
    """A coordinator that listens at `host` while the block runs, as `HOST:PORT:TOKEN`."""
    served = _Coordinator(answers)
    thread = threading.Thread(target=asyncio.run, args=(served.serve(host),), name="crawl-coordinator", daemon=True)
    thread.start()
    served.is_listening.wait()
    try:
        yield f"{host}:{served.port}:{served.token}"
    finally:
        served.stop()
        thread.join()


class _Coordinator:
    """An address is claimed by a connection: when a worker ends, its claims pass to others."""

    def __init__(self, answers: SharedAnswers) -> None:
        self.token = secrets.token_hex(16)
        self.port = 0
        self.is_listening = threading.Event()
        self._answers = answers
        self._turns = HostTurns()
        self._queues: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._owners: dict[str, asyncio.StreamWriter] = {}
        self._workers: set[asyncio.StreamWriter] = set()
        self._waiting: dict[str, list[asyncio.Future[None]]] = defaultdict(list)

    async def serve(self, host: str) -> None:
        """Serves until `stop`."""
        self._loop, self._is_over = asyncio.get_running_loop(), asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, host, 0, limit=MAX_LINE_BYTES)
        self.port = server.sockets[0].getsockname()[1]
        self.is_listening.set()
        await self._is_over.wait()
        server.close()
        for connection in self._connections:
            connection.cancel()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._is_over.set)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        requests: set[asyncio.Task[None]] = set()
        try:
            kind, _, token = (await reader.readline()).decode().strip().partition(" ")
            if secrets.compare_digest(token, self.token):
                if kind == "crawler":
                    self._workers.add(writer)
                while line := await reader.readline():
                    request = asyncio.create_task(self._answer(json.loads(line), writer))
                    requests.add(request)
                    request.add_done_callback(requests.discard)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            for request in requests:
                request.cancel()
            for name in [name for name, owner in self._owners.items() if owner is writer]:
                self._release(name)
            self._connections.discard(task)
            self._workers.discard(writer)
            writer.close()

    async def _answer(self, message: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        number = message.pop("number", None)
        answer = await getattr(self, f"on_{message.pop('do')}")(writer=writer, **message)
        if number is not None:
            writer.write(json.dumps({"number": number, "answer": answer}).encode() + b"\n")

    # -- messages ----------------------------------------------------------------------------------

    async def on_turn(self, host: str, delay_s: float, writer: asyncio.StreamWriter) -> None:
        """Answers when a request may be sent to `host`; workers are served in the order in which they asked."""
        async with self._queues[host]:
            while wait := self._turns.wait_s(host, delay_s, now=time.monotonic()):
                await asyncio.sleep(wait)
            self._turns.take(host, now=time.monotonic())

    async def on_pause(self, host: str, seconds: float, writer: asyncio.StreamWriter) -> None:
        self._turns.pause(host, seconds, now=time.monotonic())
        for worker in self._workers:
            worker.write(json.dumps({"pause": host, "seconds": seconds}).encode() + b"\n")

    async def on_claim(self, name: str, writer: asyncio.StreamWriter) -> dict[str, Any] | None:
        """The answer of `name`; None if no worker has requested it: the asking worker has to."""
        while (fact := self._answers.answer(name)) is None:
            if self._owners.setdefault(name, writer) is writer:
                return None
            settled = asyncio.get_running_loop().create_future()
            self._waiting[name].append(settled)
            await settled
        return fact

    async def on_settle(
        self, name: str, fact: dict[str, Any] | None, place: dict[str, Any] | None, writer: asyncio.StreamWriter
    ) -> None:
        """Stores the answer of `name` from the worker that claimed it; None releases the claim."""
        if fact is not None:
            self._answers.put(name, fact, place)
        self._release(name)

    async def on_places(self, places: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        for key, place in places.items():
            self._answers.put_media(key, place)

    async def on_place(self, key: str, writer: asyncio.StreamWriter) -> dict[str, Any] | None:
        return self._answers.place(key)

    async def on_forget(self, name: str, key: str, writer: asyncio.StreamWriter) -> None:
        self._answers.forget(name, key)

    def _release(self, name: str) -> None:
        self._owners.pop(name, None)
        for settled in self._waiting.pop(name, []):
            if not settled.done():
                settled.set_result(None)
