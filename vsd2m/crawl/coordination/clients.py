"""The two clients of the coordinator: one for the crawling process, one for the process that writes a partition."""

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any

from vsd2m.core.errors import CrawlError
from vsd2m.crawl.coordination.coordinator import MAX_LINE_BYTES

COORDINATOR_LOST = 4


class CrawlerClient:
    """In the crawling process. Where the coordinator is lost the process ends: its partition is crawled again."""

    def __init__(self, address: str, spool: str) -> None:
        self._address = address
        self._place = {"spool": spool}
        self._writer: asyncio.StreamWriter | None = None
        self._connecting = asyncio.Lock()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._paused_until: dict[str, float] = {}

    async def turn(self, host: str, delay_s: float) -> None:
        """Returns when a request may be sent to `host`; without a delay only pauses are waited for."""
        if self._writer is None:
            await self._connect()
        if delay_s > 0:
            await self._ask("turn", host=host, delay_s=delay_s)
        while (wait := self._paused_until.get(host, 0.0) - time.monotonic()) > 0:
            await asyncio.sleep(wait)

    async def claim(self, name: str) -> dict[str, Any] | None:
        """The answer of `name` to another worker; None if this worker has to request it."""
        fact: dict[str, Any] | None = await self._ask("claim", name=name)
        return fact

    def pause(self, host: str, seconds: float) -> None:
        """Pauses requests of all workers to `host`."""
        self._tell("pause", host=host, seconds=seconds)

    def settle(self, name: str, fact: Mapping[str, Any] | None) -> None:
        """Stores the answer of `name`, which this worker has claimed; None releases the claim."""
        is_picture = fact is not None and fact["fact"] == "picture" and fact["refusal"] is None
        self._tell("settle", name=name, fact=fact, place=self._place if is_picture else None)

    async def _ask(self, do: str, **values: Any) -> Any:
        await self._connect()
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        self._tell(do, number=self._number, **values)
        return await answer

    def _tell(self, do: str, **values: Any) -> None:
        assert self._writer is not None, "a turn was taken before"
        self._writer.write(json.dumps({"do": do, **values}).encode() + b"\n")

    async def _connect(self) -> None:
        async with self._connecting:
            if self._writer is None:
                host, port, token = self._address.split(":")
                try:
                    reader, self._writer = await asyncio.open_connection(host, int(port), limit=MAX_LINE_BYTES)
                except OSError:
                    os._exit(COORDINATOR_LOST)
                self._writer.write(f"crawler {token}\n".encode())
                self._reading = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                message = json.loads(line)
                if "pause" in message:
                    self._paused_until[message["pause"]] = time.monotonic() + message["seconds"]
                    continue
                self._answers.pop(message["number"]).set_result(message["answer"])
        os._exit(COORDINATOR_LOST)


class PartitionClient:
    """In the process that writes a partition: where the bytes of pictures lie that another worker has downloaded."""

    def __init__(self, connection: socket.socket, lines: IO[bytes], token: str) -> None:
        self._connection = connection
        self._lines = lines
        connection.sendall(f"partition {token}\n".encode())

    def place(self, key: str) -> dict[str, Any] | None:
        """Where the bytes of a picture lie: `{"spool": FOLDER}` or `{"tar": PATH, "offset": ..., "num_bytes": ...}`."""
        place: dict[str, Any] | None = self._ask("place", key=key)
        return place

    def put_places(self, places: Mapping[str, Mapping[str, Any]]) -> None:
        """Where the bytes of pictures lie now, by key."""
        self._ask("places", places=places)

    def forget(self, name: str, key: str) -> None:
        """Reports that the bytes of a picture are lost, so that the next worker downloads them."""
        self._ask("forget", name=name, key=key)

    def _ask(self, do: str, **values: Any) -> Any:
        try:
            self._connection.sendall(json.dumps({"do": do, "number": 0, **values}).encode() + b"\n")
            return json.loads(self._lines.readline())["answer"]
        except (OSError, ValueError) as error:
            raise CrawlError(f"the coordinator of the crawl is gone: {error}; run the pipeline again") from error


@contextlib.contextmanager
def partition_client(address: str) -> Iterator[PartitionClient]:
    """A connection to the coordinator at `address`; `CrawlError` where there is none."""
    host, port, token = address.split(":")
    try:
        connection = socket.create_connection((host, int(port)))
    except OSError as error:
        raise CrawlError(f"cannot reach the coordinator of the crawl at {host}:{port}: {error.strerror}") from error
    with connection, connection.makefile("rb") as lines:
        yield PartitionClient(connection, lines, token)
