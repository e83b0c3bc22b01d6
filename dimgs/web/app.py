"""The server as an ASGI application: each request is read, judged, answered or refused."""

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib.resources import files
from typing import IO, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as At

from dimgs.common.advice import Act, Advice, Step, worded
from dimgs.common.errors import DimgsError, StoreError
from dimgs.common.formats import json_value, validated
from dimgs.hub import Hub
from dimgs.hub.acts import NotFoundError
from dimgs.hub.entry import Json
from dimgs.hub.permissions import NotAllowedError
from dimgs.web.intake import (
    Guard,
    Intake,
    People,
    TooLongError,
    TooManyError,
    TooSlowError,
    UnknownError,
    Who,
    text_of,
)
from dimgs.web.pages import Page, Pages
from dimgs.web.routes import BASE, ROUTES, Lines, RestCall, Route, as_lines, body_of, openapi

# ---- Advice in the browser: the controls of the workbench and of the hub's pages.


# as they are labelled
_CONTROLS = {
    "at": "the fields of the inputs",
    "columns": "the ticks at “Inputs”",
    "constants": "“Known constants”",
    "drop": "the ticks at “Inputs”",
    "drop_bad": "“Leave out unusable rows, and report their number”",
    "hub": "“Hub”",
    "kernel": "“Kernel”",
    "regimes": "“look for regimes”",
    "repeating": "“Repeating variables”",
    "scales": "“Unknown constants with a unit”",
    "sheet": "“Sheet”",
    "split_by": "“Left out together”",
    "time_limit": "“in at most”",
    "units": "“Unit of …”",
    "within": "“A separate prefactor for each label”",
}
_STEPS = {
    Step.APPROVE: "“Approve” on its page",
    Step.MAKE_HUB: "a new hub,",
    Step.LIST_ENTRIES: "the search of the hub",
    Step.FIND_RUNS: "the search of the hub",
    Step.WRITE_RUNS: "a data set of the hub",
    Step.CHECK_CARD: "the limits and images of its card",
    Step.DISPUTE: "“Dispute it” on its page",
    Step.ADD_USER: "the page of the people",
    Step.SHOW_KEYS: "the page of the people",
    Step.RUN: "a campaign",
}


def in_the_browser(advice: Advice) -> str:
    """Advice as the control that does it.

    Examples
    --------
    >>> from dimgs.common.advice import setting
    >>> print(in_the_browser(setting("scales", "M0 [kg]", "auto")))
    “Unknown constants with a unit”: M0 [kg] or auto
    """
    if isinstance(advice, Act):
        return _STEPS[advice.step]
    label = _CONTROLS.get(advice.option)
    if label is None:
        label = f"“{advice.option.replace('_', ' ')}” (in Python or on the command line)"
    return ": ".join([label, *([" or ".join(advice.values)] if advice.values else [])])


Endpoint = Callable[[Request], Awaitable[Response]]
# names by which a machine calls itself
_HERE = ("127.0.0.1", "localhost", "::1")
_TYPES = {".css": "text/css", ".js": "text/javascript"}
# bytes of a form, and of a name and a password
_FORM, _SIGN_IN = 1 << 20, 10_000
# of a form: the longest here has seven
_MOST_FIELDS = 100
_STATIC = ("page.css", "hub.css", "htmx.min.js")


def make_app(hub: Hub, names: Iterable[str] = (), *, closed: bool = False) -> Guard:
    """The server of a hub.

    Parameters
    ----------
    hub : Hub
        In a database.
    names : iterable of str
        Hosts that the server goes by besides localhost.
    closed : bool
        Whether those who are not known are shown nothing at all.

    Returns
    -------
    Guard
        An ASGI application.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from starlette.testclient import TestClient
    >>> with TemporaryDirectory() as folder, Hub(folder, user="anna") as hub:
    ...     _ = hub.add({"kind": "question", "text": "How fast does the film empty?"})
    ...     browser = TestClient(make_app(hub), base_url="http://localhost")
    ...     entries = browser.get("/api/v1/entries").json()["entries"]
    >>> entries[0]["title"], entries[0]["state"]
    ('How fast does the film empty?', 'open')
    """
    accounts, intake = People(hub), Intake()
    pages = Pages(hub, accounts, closed)
    app = Starlette(
        routes=[
            At(f"{BASE}/openapi.json", lambda request: JSONResponse(openapi())),
            *(
                At(f"{BASE}{r.path}", _rest(r, accounts, intake, closed), methods=[r.method])
                for r in ROUTES
            ),
            *(At(f"/static/{name}", static(name)) for name in _STATIC),
            *(
                At(path, _page(page, pages, intake), methods=[method])
                for method, path, page in pages.routes
            ),
        ],
        exception_handlers={HTTPException: _refused, DimgsError: _refused, Exception: _broken},
    )
    app.state.pages, app.state.intake = pages, intake
    return Guard(app, {*_HERE, *names})


def _rest(route: Route, people: People, intake: Intake, closed: bool) -> Endpoint:
    async def answer(request: Request) -> Response:
        who = await run_in_threadpool(admitted, request)
        if route.body is None:
            return await run_in_threadpool(_answer, request, who, None)
        async with intake.body(request, route.longest) as file:
            return await run_in_threadpool(_answer, request, who, file)

    def admitted(request: Request) -> Who:
        who = people.of_program(request.headers)
        with who.asked_to("Send a token."):
            check(route, who, closed)
        return who

    def _answer(request: Request, who: Who, file: IO[bytes] | None) -> Response:
        with who.asked_to("Send a token."):
            body: Any = file
            if file is not None and route.body is not Lines:
                body = body_of(route, json_value(text_of(file) or "{}", "The body", "send a table"))
            call = RestCall(who.hub, request.path_params, _query(route, request), body)
            document = route.run(call)
        if isinstance(document, Lines):
            return Response(as_lines(document), media_type="application/jsonl")
        return JSONResponse(document, route.status)

    return answer


def check(route: Route, who: Who, closed: bool) -> None:
    """Refuse who may not even ask, before anything of the request is read.

    Raises
    ------
    NotAllowedError
    """
    if closed and not who.known:
        raise NotAllowedError("Only registered users may read this hub.")
    if route.reads or route.method == "GET":
        return
    if not who.known:
        raise NotAllowedError("Only registered users may change this hub.")
    if not who.writes:
        remedy = "use one with the scope 'write' (dimgs hub token NAME --scope write)"
        raise NotAllowedError(f"The token has the scope 'read'; {remedy}.")


def _query(route: Route, request: Request) -> Json:
    given, fields = request.query_params, route.query.model_fields
    lists = {n for n in given if n in fields and fields[n].annotation == list[str]}
    read = {n: given.getlist(n) if n in lists else given[n] for n in given}
    return validated(route.query, read, "The parameters: ").model_dump(exclude_unset=True)


def status_of(error: Exception) -> int:
    """HTTP status of an error."""
    kinds: tuple[tuple[type[Exception], int], ...] = (
        (UnknownError, 401),
        (NotAllowedError, 403),
        (NotFoundError, 404),
        (TooManyError, 429),
        (TooLongError, 413),
        (TooSlowError, 408),
        (StoreError, 503),
        (DimgsError, 400),
    )
    return next((status for kind, status in kinds if isinstance(error, kind)), 500)


def _page(page: Page, pages: Pages, intake: Intake) -> Endpoint:
    async def answer(request: Request) -> Response:
        with worded(in_the_browser):
            who = await run_in_threadpool(pages.admitted, request)
            # what a fork changes is the longest form; those who sign in send two words
            form = await intake.form(request, _FORM if who.known else _SIGN_IN, _MOST_FIELDS)
            return await run_in_threadpool(pages.answer, page, request, who, form)

    return answer


def static(name: str) -> Endpoint:
    """Response with a file of the package."""
    # the stylesheet of reports is that of the pages
    home = (
        files("dimgs.report") / "templates" if name == "page.css" else files("dimgs.web") / "static"
    )
    data = (home / name).read_bytes()
    headers: Mapping[str, str] = {"cache-control": "max-age=3600"}

    async def answer(request: Request) -> Response:
        return Response(data, headers=headers, media_type=_TYPES[os.path.splitext(name)[1]])

    return answer


_SENTENCES = {
    404: "This address does not exist.",
    405: "This address does not support the request method.",
}


def _refused(request: Request, error: Exception) -> Response:
    """A refusal in one sentence: a document for programs, a page for people."""
    status, sentence = status_of(error), str(error)
    if isinstance(error, HTTPException):
        status = error.status_code
        sentence = _SENTENCES.get(status, "The request failed.")
    if request.url.path.startswith("/api/"):
        headers = {"www-authenticate": "Bearer"} if status == 401 else {}
        return JSONResponse({"error": sentence}, status, headers)
    refused: Response = request.app.state.pages.refused(request, sentence, status)
    return refused


async def _broken(request: Request, error: Exception) -> Response:
    return JSONResponse(
        {"error": f"This is a mistake in dimgs ({type(error).__name__}); please report it."}, 500
    )
