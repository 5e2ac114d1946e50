"""The service behind the page: questions in, numbers out, everything on this machine."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from lymphokin.pages.messages import Message, RefusedError, catalogue, languages
from lymphokin.population.draws import PopulationDraws
from lymphokin.web.dose_file import DoseAnswer, DoseTable, dose_of_table
from lymphokin.web.form import Form, form_of
from lymphokin.web.language import WordedRoute, language_of, page_in, worded
from lymphokin.web.safety import DOSE_PATH, Guard, new_token, refusal
from lymphokin.whatif.answers import WhatIfAnswer, WhatIfRequest
from lymphokin.whatif.audit import AuditLog
from lymphokin.whatif.engine import Engine
from lymphokin.whatif.examples import warm_up, warm_up_rest
from lymphokin.whatif.limits import SETTLED_DRAWS
from lymphokin.whatif.outside import OutsideError
from lymphokin.whatif.questions.between_models import BetweenModelsAnswer, Panel
from lymphokin.whatif.questions.narrowing import NarrowingAnswer, NarrowingRequest, narrowing
from lymphokin.whatif.questions.options import OptionsAnswer, OptionsRequest, options
from lymphokin.whatif.questions.scan import ScanAnswer, ScanRequest, scan
from lymphokin.whatif.refused import FieldError

LOG = logging.getLogger(__name__)
STATIC = Path(__file__).parent / "static"
MOST_WAITING = 32
"""Questions that may wait for the engine."""
QUIET_SECONDS = 1.0
"""Without a question, before shapes that are seldom needed are compiled."""


class Health(BaseModel):
    """Whether the service can answer."""

    status: Literal["warming up", "ready", "failed"]
    detail: str
    version: str
    source: str


class UnloggedError(Exception):
    """An answer that could not be written to the audit log."""


@dataclass(eq=False)
class Desk:
    """The engine while it warms up and works; one question of a kind at a time, in order."""

    load: Callable[[], PopulationDraws]
    load_others: Callable[[], Mapping[str, PopulationDraws]] = dict
    log: AuditLog | None = None
    engine: Engine | None = None
    panel: Panel | None = None
    failure: str = ""
    waiting: int = 0
    last_asked: float = -math.inf
    """of the monotonic clock, seconds"""
    stopping: threading.Event = field(default_factory=threading.Event)
    quick: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "quick"))
    slow: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "slow"))
    """for questions of seconds, so that those of a blink do not wait behind them"""
    others: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "others"))
    """for other models, which a page asks of itself: what a person asks for does not wait behind
    them"""

    def start(self) -> None:
        """Load the posterior and compile, beside the page that is already served."""
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def _warm_up(self) -> None:
        try:
            engine = Engine(self.load())
            warm_up(engine)
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"
            LOG.error("the page cannot answer: %s", self.failure)
            return
        self.last_asked = time.monotonic()  # somebody is waiting to ask the first one
        self.engine = engine
        for _ in warm_up_rest(engine):
            # Compiling slows answers down: it waits until nobody has asked for a while.
            while time.monotonic() - self.last_asked < QUIET_SECONDS:
                if self.stopping.wait(QUIET_SECONDS):
                    return
            if self.stopping.is_set():
                return

    def labels(self, language: str) -> dict[str, str]:
        """Labels of the sites in a language, once there is an engine."""
        return {} if self.engine is None else self.engine.population.sites.labels(language)

    def what_if(self, engine: Engine, question: WhatIfRequest) -> WhatIfAnswer:
        """Answer a question; previews are not in the log."""
        answer = engine.what_if(question)
        return (
            self.logged("whatif", question, answer) if question.draws == SETTLED_DRAWS else answer
        )

    def logged[T: BaseModel](self, kind: str, question: BaseModel, answer: T) -> T:
        """The answer, once it is in the log, if there is one.

        Raises:
            UnloggedError: when it cannot be written.
        """
        if self.log is not None:
            try:
                self.log.add(kind, question, answer)
            except OSError as error:
                reason = f"{self.log.path}: {error.strerror}"
                raise UnloggedError(f"no answer without its place in the log, {reason}") from error
        return answer

    def ask_models(self, engine: Engine, question: WhatIfRequest) -> BetweenModelsAnswer:
        """Put a question to every model; the others are loaded at the first one."""
        if self.panel is None:
            self.panel = Panel(engine, self.load_others)
        answer = self.panel.ask(question, self.stopping.is_set)
        return self.logged("models", question, answer)

    def stop(self) -> None:
        """Take no more questions."""
        self.stopping.set()
        for pool in (self.quick, self.slow, self.others):
            pool.shutdown(wait=False, cancel_futures=True)

    async def ask(
        self, question: Callable[[Engine], BaseModel], pool: ThreadPoolExecutor | None = None
    ) -> Response:
        """Answer a question, or say why not, in one of the pools (the quick one by default)."""
        engine = self.engine
        if engine is None:
            if self.failure:
                return refusal(500, self.failure)
            return refusal(503, "warming up: the model is being compiled", **{"Retry-After": "1"})
        if self.waiting >= MOST_WAITING:
            return refusal(503, "too many questions are waiting", **{"Retry-After": "1"})
        self.waiting += 1
        self.last_asked = time.monotonic()
        try:
            loop = asyncio.get_running_loop()
            text = await loop.run_in_executor(
                pool or self.quick, lambda: question(engine).model_dump_json()
            )
        except OutsideError as error:
            return JSONResponse({"errors": [_row(n.field, n.message) for n in error.notices]}, 422)
        except FieldError as error:
            return JSONResponse({"errors": [_row(*problem) for problem in error.problems]}, 422)
        except RefusedError as error:
            return JSONResponse({"errors": [_row("", error.message)]}, 422)
        except ValueError as error:
            return refusal(422, str(error))
        except UnloggedError as error:
            return refusal(507, str(error))
        except Exception:
            LOG.exception("a question could not be answered")
            return refusal(500, "the question could not be answered; the terminal says why")
        finally:
            self.waiting -= 1
            self.last_asked = time.monotonic()
        return Response(text, media_type="application/json")


def make_app(
    load: Callable[[], PopulationDraws],
    hosts: frozenset[str],
    token: str | None = None,
    log: AuditLog | None = None,
    load_others: Callable[[], Mapping[str, PopulationDraws]] = dict,
) -> FastAPI:
    """The service.

    Args:
        load: gives the posterior; called once, beside the page.
        hosts: values of the Host header that are answered, e.g. ``127.0.0.1:8080``.
        token: of this start; made if absent.
        log: where what-if questions are kept, if anywhere.
        load_others: gives the posteriors of the models to compare with, by name.
    """
    desk = Desk(load, load_others, log)
    token = token or new_token()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        desk.start()
        yield
        desk.stop()

    app = FastAPI(
        title="lymphokin what-if",
        version=version("lymphokin"),
        description="Risk of lymphopenia of one patient under other schedules. Research use only.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=lifespan,
    )
    app.state.desk, app.state.token = desk, token
    _errors(app)
    _questions(app, desk)
    _pages(app, token)
    app.add_middleware(Guard, hosts=hosts, token=token)
    return app


def _questions(app: FastAPI, desk: Desk) -> None:
    api = APIRouter(route_class=WordedRoute)

    @api.get("/api/v1/health", response_model=Health)
    def health() -> Health:
        """Whether the service can answer."""
        engine = desk.engine
        if engine is not None:
            status, detail = "ready", ""
        else:
            status = "failed" if desk.failure else "warming up"
            detail = desk.failure or "the model is being compiled"
        source = "" if engine is None else engine.population.provenance.title
        return Health(status=status, detail=detail, version=version("lymphokin"), source=source)

    @api.get("/api/v1/form", response_model=Form)
    async def form() -> Response:
        """What to ask: fields, presets, limits, provenance, a question to start from."""
        return await desk.ask(lambda engine: form_of(engine.population))

    @api.post("/api/v1/whatif", response_model=WhatIfAnswer)
    async def what_if(question: WhatIfRequest) -> Response:
        """Compare two schedules of a patient."""
        return await desk.ask(lambda engine: desk.what_if(engine, question))

    @api.post("/api/v1/scan", response_model=ScanAnswer)
    async def heat_map(question: ScanRequest) -> Response:
        """Risk over a grid of schedules."""
        return await desk.ask(
            lambda engine: desk.logged("scan", question, scan(engine, question)), desk.slow
        )

    @api.post("/api/v1/options", response_model=OptionsAnswer)
    async def search(question: OptionsRequest) -> Response:
        """Schedules within limits; a list, never a recommendation."""
        return await desk.ask(
            lambda engine: desk.logged("options", question, options(engine, question)), desk.slow
        )

    @api.post("/api/v1/models", response_model=BetweenModelsAnswer)
    async def other_models(question: WhatIfRequest) -> Response:
        """The same question to every calibrated model."""
        return await desk.ask(lambda engine: desk.ask_models(engine, question), desk.others)

    @api.post(DOSE_PATH, response_model=DoseAnswer)
    async def dose(table: DoseTable) -> Response:
        """The immune dose in a table of one patient."""
        return await desk.ask(lambda _: dose_of_table(table), desk.slow)

    @api.post("/api/v1/narrowing", response_model=NarrowingAnswer)
    async def next_counts(question: NarrowingRequest) -> Response:
        """What a further count would teach."""
        return await desk.ask(
            lambda engine: desk.logged("narrowing", question, narrowing(engine, question))
        )

    app.include_router(api)


def _pages(app: FastAPI, token: str) -> None:
    @app.get("/", include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        return HTMLResponse(page_in(language_of(request), token))

    @app.get("/catalogue/{language}.json", include_in_schema=False)
    def messages(language: str) -> JSONResponse:
        if language not in languages():
            return refusal(404, "there is no catalogue of that language")
        return JSONResponse({"messages": catalogue(language)["browser"]})

    app.mount("/static", GZipMiddleware(StaticFiles(directory=STATIC)), name="static")


def _errors(app: FastAPI) -> None:
    """All errors look alike: ``{"errors": [{"field": "a.fractions.0.gy", "text": "..."}]}``."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return worded(request, JSONResponse({"errors": as_rows(error.errors())}, 422))

    @app.exception_handler(HTTPException)
    async def failed(_: Request, error: HTTPException) -> JSONResponse:
        return refusal(error.status_code, str(error.detail))


def _row(field: str, message: Message) -> dict[str, Any]:
    return {"field": field, "text": message.text, "message": message.model_dump(mode="json")}


def as_rows(errors: Any) -> list[dict[str, Any]]:
    """Validation errors as field and text, without echoing what was sent."""
    rows = []
    for e in list(errors)[:50]:
        field = ".".join(str(p) for p in e["loc"] if p != "body")[:200]
        reason = e.get("ctx", {}).get("error")
        if isinstance(reason, RefusedError):
            rows.append(_row(field, reason.message))
            continue
        limits = {k: v for k, v in e.get("ctx", {}).items() if isinstance(v, int | float)}
        text = e["msg"].removeprefix("Value error, ")
        if e["type"] == "json_invalid":
            field, text = "", "this is not JSON"
        message = {"key": f"input.{e['type']}", "values": limits, "text": text[:300]}
        rows.append({"field": field, "text": text[:300], "message": message})
    return rows
