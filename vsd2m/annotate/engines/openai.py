"""A model behind any server that speaks the OpenAI API: `vllm serve`, Ray Serve, llama.cpp, or a hosted service."""

import asyncio
import hashlib
import json
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field

from vsd2m.annotate.engines.base import Completion, EngineConfig, Prompt, Text, TextEngine, as_text, completion
from vsd2m.annotate.engines.packaged import cache_root
from vsd2m.annotate.engines.weights import one_line
from vsd2m.core.errors import EngineError
from vsd2m.core.registry import import_extra
from vsd2m.core.stage import neutral

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_LONGEST_PAUSE_S = 30.0


class OpenAIConfig(EngineConfig):
    """A model behind an OpenAI-compatible server."""

    engine: str = Field(default="openai", description="requests to an OpenAI-compatible server")
    model: str = Field(description="the model's name on the server", min_length=1)
    url: str = neutral(
        "http://127.0.0.1:8000/v1", description="the server's address, with /v1", pattern="^https?://[^/]+"
    )
    version: str = Field(
        default="", description="identifies the served model (a commit, a date); a change recomputes its outputs"
    )
    key_variable: str = neutral(
        "OPENAI_API_KEY", description="environment variable that holds the key, if there is one"
    )
    max_requests: int = neutral(16, description="most concurrent requests", ge=1, le=1024)
    timeout_s: float = neutral(120.0, description="time limit of a request", gt=0, le=3600)
    max_retries: int = neutral(4, description="attempts after the first", ge=0, le=20)
    first_pause_s: float = neutral(0.5, description="pause before the second attempt; doubles", ge=0, le=60)
    cache: bool = neutral(True, description="cache answers on disk")


class OpenAIEngine(TextEngine[OpenAIConfig]):
    """Concurrent greedy requests, retried with growing pauses; answers are cached by request."""

    Config: ClassVar[type[EngineConfig]] = OpenAIConfig

    @property
    def model_name(self) -> str:
        return self.config.model

    def model_versions(self) -> dict[str, str]:
        return {self.config.model: self.config.version or "as served"}

    def packages(self) -> Mapping[str, str]:
        return {"httpx": "annotate"}

    def start(self, *, num_threads: int) -> None:
        del num_threads
        import_extra("httpx", extra="annotate")

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int, stop: Sequence[str] = ()) -> list[Completion]:
        bodies = [self._body(prompt, max_new_tokens, stop) for prompt in prompts]
        answers = asyncio.run(self._ask_all(bodies))
        return [completion(answer.text, stop=stop, finished=answer.finished) for answer in answers]

    def _body(self, prompt: Prompt, max_new_tokens: int, stop: Sequence[str]) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.config.model, "max_tokens": max_new_tokens, "temperature": 0, "seed": 0}
        if stop:
            body["stop"] = list(stop)
        if isinstance(prompt, Text):
            return {**body, "prompt": as_text(prompt)}
        return {**body, "messages": [{"role": turn.role, "content": turn.content} for turn in prompt]}

    async def _ask_all(self, bodies: Sequence[dict[str, Any]]) -> list[Completion]:
        import httpx

        places = asyncio.Semaphore(self.config.max_requests)
        key = os.environ.get(self.config.key_variable)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with httpx.AsyncClient(headers=headers, timeout=self.config.timeout_s) as client:
            tasks = [asyncio.create_task(self._answer(client, body, places)) for body in bodies]
            try:
                return await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()

    async def _answer(self, client: Any, body: dict[str, Any], places: asyncio.Semaphore) -> Completion:
        cache_file = self._cache_file(body)
        if self.config.cache and cache_file.is_file():
            return Completion(**json.loads(cache_file.read_text(encoding="utf-8"))["answer"])
        async with places:
            answer = await self._ask(client, body)
        if self.config.cache:
            _write_whole(cache_file, json.dumps({"asked": body, "answer": asdict(answer)}, ensure_ascii=False))
        return answer

    async def _ask(self, client: Any, body: dict[str, Any]) -> Completion:
        """One answer; `EngineError` if the server refuses, or fails more often than allowed."""
        import httpx

        config = self.config
        address = f"{config.url.rstrip('/')}/{'chat/completions' if 'messages' in body else 'completions'}"
        problem, pause = "", config.first_pause_s
        for attempt in range(config.max_retries + 1):
            if attempt:
                await asyncio.sleep(pause * random.uniform(0.75, 1.25))
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            try:
                response = await client.post(address, json=body)
            except httpx.TransportError as error:
                problem = f"{type(error).__name__}: {one_line(error)}"
                continue
            if response.status_code == 200:
                return _completion_of(response, address)
            problem = f"status {response.status_code}: {' '.join(response.text.split())[:200]}"
            if response.status_code not in _RETRIED:
                raise EngineError(f"{address} refused the request ({problem}); check the model's name and the key")
            pause = max(pause, _retry_after(response))
        raise EngineError(
            f"{address} did not answer in {config.max_retries + 1} attempts (last: {problem}); "
            "check that the server runs, or raise timeout_s or max_retries"
        )

    def _cache_file(self, body: dict[str, Any]) -> Path:
        request = json.dumps([self.config.version, urlsplit(self.config.url).netloc, body], sort_keys=True)
        digest = hashlib.sha256(request.encode()).hexdigest()
        return cache_root() / "answers" / digest[:2] / f"{digest}.json"


def _completion_of(response: Any, address: str) -> Completion:
    try:
        choice = response.json()["choices"][0]
        text = choice["message"]["content"] if "message" in choice else choice["text"]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise EngineError(f"{address} answered, but not with a completion: {response.text[:200]!r}") from error
    return Completion(str(text or ""), choice.get("finish_reason") != "length")


def _retry_after(response: Any) -> float:
    """The server's Retry-After in seconds, at most 30; 0 if there is none, or it is a date."""
    value = response.headers.get("retry-after", "")
    return min(float(value), _LONGEST_PAUSE_S) if value.isdigit() else 0.0


def _write_whole(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
