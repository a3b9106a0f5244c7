"""The labelling page and its interface: `make_app(task)`."""

from collections.abc import Collection
from importlib.resources import files
from typing import Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from vsd2m.core.errors import Vsd2mError
from vsd2m.labelling.application.access import only_own_requests
from vsd2m.labelling.application.screens import MAX_RATING
from vsd2m.labelling.application.task import LabellingTask

_ASSETS = {
    "/": ("labelling.html", "text/html"),
    "/labelling.css": ("labelling.css", "text/css"),
    "/labelling.js": ("labelling.js", "text/javascript"),
}
_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"


class Joining(BaseModel):
    """A labeller enters or comes back."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(max_length=200)]


class Answering(BaseModel):
    """All answers of one screen."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(max_length=200)]
    number: int
    values: dict[str, int]
    duration_ms: Annotated[int, Field(ge=0)]


def make_app(task: LabellingTask, *, hosts: Collection[str] | None = None) -> FastAPI:
    """The task as a web application; `hosts` are the names it is served as, None: any.

    No address, file name or response reveals where a sticker comes from.
    """
    app = FastAPI(title=task.title, docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(only_own_requests(hosts))
    for path in _ASSETS:
        app.add_api_route(path, _asset, methods=["GET"])

    @app.get("/api/task")
    def describe() -> dict[str, Any]:
        questions = {
            kind: [{"name": q.name, "text": q.text, "hint": q.hint} for q in kind_questions]
            for kind, kind_questions in task.QUESTIONS.items()
        }
        return {"title": task.title, "questions": questions, "max_rating": MAX_RATING}

    @app.post("/api/join")
    def join(joining: Joining) -> dict[str, Any]:
        return _next(task, task.join(joining.name))

    @app.post("/api/answer")
    def answer(answering: Answering) -> dict[str, Any]:
        task.answer(answering.name, answering.number, answering.values, duration_ms=answering.duration_ms)
        return _next(task, answering.name)

    @app.get("/media/{sticker}")
    def media(sticker: str) -> Response:
        media_file = task.media(sticker)
        if media_file is None:
            return JSONResponse({"error": "no such sticker"}, status_code=404)
        path, content_type = media_file
        return FileResponse(path, media_type=content_type, headers={"Cache-Control": "public, max-age=86400"})

    app.add_exception_handler(Vsd2mError, _one_line)
    return app


def _next(task: LabellingTask, name: str) -> dict[str, Any]:
    """The next screen, or None as `screen` at the end."""
    screen = task.screen(name)
    if screen is None:
        return {"name": name, "screen": None}
    screen_fields = {
        "number": screen.number,
        "num_trials": screen.num_trials,
        "kind": screen.kind,
        "text": screen.text,
        "stickers": [f"/media/{sticker}" for sticker in screen.stickers],
        "upcoming": [f"/media/{sticker}" for sticker in screen.upcoming],
    }
    return {"name": name, "screen": screen_fields}


def _asset(request: Request) -> Response:
    name, content_type = _ASSETS[request.url.path]
    data = files("vsd2m.labelling.application").joinpath(name).read_bytes()
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return Response(data, media_type=f"{content_type}; charset=utf-8", headers=headers)


def _one_line(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)
