"""The workbench as an ASGI application: for one person, on this machine, behind one token."""

import hmac
import secrets
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import closing
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from dimgs.common.advice import worded
from dimgs.common.errors import DimgsError, InputError
from dimgs.hub.entry import Json
from dimgs.hub.permissions import NotAllowedError
from dimgs.web.app import Endpoint, static, status_of
from dimgs.web.controls import in_the_browser
from dimgs.web.intake import Guard, Intake, text_of
from dimgs.web.pages import templates
from dimgs.web.studio.sheet import workbench_view
from dimgs.web.studio.workbench import Workbench

_STATIC = ("page.css", "hub.css", "studio.css", "htmx.min.js", "studio.js")
# fields of a form: several for each column of a wide table
_MOST_FIELDS, _FORM_BYTES = 5000, 1 << 20
# bytes of a dropped table that are written at once
_PART = 1 << 20
# runs that are proposed at a time: a day's work, and a table that a phone shows
_PROPOSED = 5

Form = list[tuple[str, str]]


class Studio:
    """The pages of the workbench.

    Parameters
    ----------
    workbench : Workbench
        The tables on it.
    port : int
        Where it is served: cookies are shared by all ports of a machine.
    token : str, optional
        What lets a browser in; drawn by default.
    """

    def __init__(self, workbench: Workbench, port: int, token: str = "") -> None:
        self.workbench = workbench
        self._intake = Intake()
        self._cookie = f"dimgs_studio_{port}"
        self.token = token or secrets.token_urlsafe(24)
        self._csrf = hmac.new(self.token.encode(), b"form", "sha256").hexdigest()

    @property
    def application(self) -> Guard:
        """The ASGI application of the workbench."""
        table = "/tables/{id}"
        shown: dict[str, Callable[[Request], Response]] = {
            "/": lambda r: self._page("studio_home.html", tables=self.workbench.sheets),
            table: self._table,
            f"{table}/law": self._law,
            f"{table}/files/{{name}}": self._file,
        }
        posts: dict[str, Callable[[Request, Form], Response]] = {
            "/example": lambda r, form: self._to(self.workbench.example()),
            table: self._choose,
            f"{table}/fit": lambda r, form: self._start(r, form, self.workbench.fit),
            f"{table}/discover": lambda r, form: self._start(r, form, self.workbench.discover),
            f"{table}/stop": self._stop,
            f"{table}/next": lambda r, form: self._done(
                r, lambda id: self.workbench.propose(id, _PROPOSED)
            ),
            f"{table}/keep": lambda r, form: self._done(
                r, lambda id: self.workbench.keep(id, dict(form).get("hub", "").strip())
            ),
        }
        app = Starlette(
            routes=[
                *(Route(f"/static/{name}", static(name)) for name in _STATIC),
                *(Route(path, self._get(run)) for path, run in shown.items()),
                *(Route(path, self._post(run), methods=["POST"]) for path, run in posts.items()),
                Route("/tables", self._drop, methods=["POST"]),
                Route(f"{table}/events", self._events),
            ],
            exception_handlers=dict.fromkeys((HTTPException, DimgsError, Exception), self._failed),
        )
        return Guard(app, {"127.0.0.1", "localhost", "::1"}, inline_styles=True)

    # who may come in

    def _is_known(self, request: Request) -> bool:
        token = request.cookies.get(self._cookie, "")
        return hmac.compare_digest(token.encode(), self.token.encode())

    def _check(self, request: Request, form: Form | None = None) -> None:
        if not self._is_known(request):
            raise NotAllowedError("Open the address that `dimgs studio` printed, with its token.")
        csrf = "" if form is None else dict(form).get("csrf", "")
        if form is not None and not hmac.compare_digest(csrf.encode(), self._csrf.encode()):
            raise NotAllowedError("The form is of another session; open the page again.")

    def _get(self, run: Callable[[Request], Response]) -> Endpoint:
        async def answer(request: Request) -> Response:
            token = request.query_params.get("token", "")
            if token and hmac.compare_digest(token.encode(), self.token.encode()):
                # the token does not stay in the address, where others may see it
                response = RedirectResponse(request.url.path, 303)
                response.set_cookie(self._cookie, token, httponly=True, samesite="strict")
                return response
            return await self._answer(request, lambda: run(request))

        return answer

    def _post(self, run: Callable[[Request, Form], Response]) -> Endpoint:
        async def answer(request: Request) -> Response:
            async with self._intake.body(request, _FORM_BYTES) as file:
                text = text_of(file)
            form = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
            return await self._answer(request, lambda: run(request, form), form)

        return answer

    async def _answer(
        self, request: Request, run: Callable[[], Response], form: Form | None = None
    ) -> Response:
        def answer() -> Response:
            self._check(request, form)
            return run()

        with worded(in_the_browser):
            return await run_in_threadpool(answer)

    def _failed(self, request: Request, error: Exception) -> Response:
        status, sentence = status_of(error), str(error)
        if isinstance(error, HTTPException):
            status, sentence = error.status_code, "This address does not exist."
        elif not isinstance(error, DimgsError):
            what = f"{type(error).__name__}: {error}"
            sentence = f"This is a mistake in dimgs ({what}); please report it."[:400]
        return self._page("studio_error.html", status, sentence=sentence)

    def _page(self, name: str, status: int = 200, **content: Any) -> Response:
        text = templates().get_template(name).render(csrf=self._csrf, **content)
        return HTMLResponse(text, status)

    # pages

    def _view(self, request: Request) -> Json:
        return workbench_view(self.workbench.table(request.path_params["id"]))

    def _table(self, request: Request) -> Response:
        return self._page("studio_table.html", view=self._view(request), **self._result(request))

    def _result(self, request: Request, problem: str = "") -> Json:
        id = request.path_params["id"]
        study, search = self.workbench.study(id), self.workbench.search(id)
        content = {} if study is None else study.content
        state = None if search is None else search.state
        page = {"id": id, "study": study, "search": state, "hub": self.workbench.hub}
        return {**content, **page, "problem": problem}

    def _law(self, request: Request, problem: str = "") -> Response:
        return self._page("studio_law.html", **self._result(request, problem))

    def _file(self, request: Request) -> Response:
        study = self.workbench.study(request.path_params["id"])
        if study is None:
            raise InputError("There is no law to download yet.")
        name = request.path_params["name"]
        content, kind = study.file(name)
        # never shown as a page of this origin
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type=kind, headers=headers)

    # acts

    async def _drop(self, request: Request) -> Response:
        if not self._is_known(request):
            return await self._answer(request, lambda: Response())
        async with request.form(max_files=1, max_fields=5) as form:
            fields = [(k, v) for k, v in form.multi_items() if isinstance(v, str)]
            file = form.get("table")

            def act() -> Response:
                if not isinstance(file, UploadFile) or not file.filename:
                    raise InputError("Choose a table: a CSV, TSV, Excel or Parquet file.")
                parts = iter(lambda: file.file.read(_PART), b"")
                return self._to(self.workbench.put(file.filename, parts))

            return await self._answer(request, act, fields)

    def _to(self, id: str) -> Response:
        return RedirectResponse(f"/tables/{id}", 303)

    def _choose(self, request: Request, form: Form) -> Response:
        id = request.path_params["id"]
        self.workbench.choose(id, form)
        if "hx-request" not in request.headers:
            return self._to(id)
        return self._page("studio_bench.html", view=self._view(request), **self._result(request))

    def _start(self, request: Request, form: Form, act: Callable[[str], None]) -> Response:
        """Ask, with what is chosen in the form; what is wrong with it is shown beside the law."""
        problem = self._problem(request, lambda id: self.workbench.choose(id, form), act)
        if "hx-request" not in request.headers and not problem:
            return self._to(request.path_params["id"])
        return self._law(request, problem)

    def _problem(self, request: Request, *acts: Callable[[str], None]) -> str:
        """Do something with a table; why it failed, else nothing."""
        try:
            for act in acts:
                act(request.path_params["id"])
        except DimgsError as error:
            return str(error)
        return ""

    def _stop(self, request: Request, form: Form) -> Response:
        search = self.workbench.search(request.path_params["id"])
        if search is not None:
            search.stop()
        return self._law(request)

    def _done(self, request: Request, act: Callable[[str], None]) -> Response:
        """The law after something was done with it; what failed is shown beside it."""
        return self._law(request, self._problem(request, act))

    async def _events(self, request: Request) -> Response:
        id = request.path_params["id"]
        search = self.workbench.search(id) if self._is_known(request) else None
        if search is None:
            return Response(status_code=204)
        running = search

        def messages() -> Generator[str, None, None]:
            for state in running.states():
                name = "over" if state.over else "progress"
                text = templates().get_template("studio_progress.html").render(search=state)
                lines = "".join(f"data: {line}\n" for line in text.splitlines() if line.strip())
                yield f"event: {name}\n{lines}\n"

        async def sent() -> AsyncIterator[str]:
            with closing(messages()) as stream:
                async for text in iterate_in_threadpool(stream):
                    if await request.is_disconnected():
                        return
                    yield text

        return StreamingResponse(sent(), media_type="text/event-stream")
