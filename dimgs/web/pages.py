"""Web pages of a hub, with the entries that the visitor may read."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dimgs.common.errors import InputError
from dimgs.common.formats import json_value
from dimgs.hub import Hub
from dimgs.hub.acts import ADDED
from dimgs.hub.entry import KINDS, VISIBILITIES, Document, Json, links_from, links_to
from dimgs.hub.lineage import EXECUTABLE, STATES
from dimgs.hub.permissions import ROLES, NotAllowedError
from dimgs.similitude.points import typed_inputs
from dimgs.variables.quantities import as_quantity
from dimgs.web import pictures, question_map, views
from dimgs.web.intake import number_in
from dimgs.web.people import COOKIE, SESSION_DAYS, People, UnknownError, Visit, Who
from dimgs.web.routes import ACTS, ROUTES, RestCall, body_of, openapi

if TYPE_CHECKING:
    from jinja2 import Environment

Page = Callable[[Visit], Response]
Answering = Callable[[Request, Who, str], Response]
# entries of a list: a few screens
_LISTED = 50
# kinds that are reviewed, those first that most rests on
REVIEWED = ("answer", "law", "card", "protocol", "dataset")
_WAITING = ("open", "disputed", "recheck", "untrusted")
# of a form: the longest here has seven
_MOST_FIELDS = 100
RATINGS = ("clarity", "kernel_fit", "output", "rating")
# of a page that somebody added, such as a report
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"
_ACTS = {r.path.rpartition("/")[2]: r for r in ROUTES if r.path.count("/") == 3 and r.body}


@cache
def templates() -> "Environment":
    """Templates of the pages, with those of reports and their filters."""
    from jinja2 import ChoiceLoader, PackageLoader

    from dimgs.law.export import group_definitions
    from dimgs.report.render import candidate_latex, html_templates

    reports, homes = html_templates(), map(PackageLoader, ("dimgs.web", "dimgs.report"))
    environment = reports.overlay(loader=ChoiceLoader([*homes]))
    environment.filters = reports.filters | {
        "markdown": views.markdown_html,
        "value": views.value_text,
        "formula": lambda candidate: candidate_latex(candidate.expression, None),
        # options of a list: what is sent, and what is shown
        "zip_self": lambda names: [(n, n) for n in names],
        "joined": lambda sets: [(",".join(s), ", ".join(s)) for s in sets],
        "axes_named": lambda axes: [(a.name, a.text) for a in axes],
    }
    environment.globals = {**reports.globals, "definitions": group_definitions}
    environment.tests = reports.tests | {"quantity": views.is_quantity}
    return environment


class Pages:
    """The pages of a hub.

    Parameters
    ----------
    hub : Hub
    people : People
    closed : bool
        Whether those who are not known see nothing but the page to sign in.
    """

    def __init__(self, hub: Hub, people: People, closed: bool) -> None:
        self._hub = hub
        self._people = people
        self._closed = closed

    @property
    def routes(self) -> list[tuple[str, str, Answering]]:
        """Method, path and what answers."""
        shown: dict[str, Page] = {
            "/": self._home,
            "/entries": self._search,
            "/entries/{id}": self._entry,
            "/entries/{id}/beside": self._compare,
            "/files/{digest}/{name}": self._file,
            "/entries/{id}/around": lambda a: question_map.page(self.show, a),
            "/map": self._map,
            "/queue": self._queue,
            "/jobs": self._jobs,
            "/ask": lambda a: self.show(a, "ask.html", visibilities=VISIBILITIES),
            "/people": self._users,
            "/api": lambda a: self.show(a, "api.html", api=openapi()),
            "/sign-in": lambda a: self.show(a, "sign_in.html", sentence=""),
        }
        posts: dict[str, Page] = {
            "/ask": self._ask,
            "/entries/{id}/around": question_map.wanted,
            "/entries/{id}/{act}": self._act,
            "/people": self._set_user,
            "/people/tokens": self._new_token,
            "/sign-in": self._sign_in,
            "/sign-out": self._sign_out,
        }
        return [
            *(("GET", path, self._answering(run)) for path, run in shown.items()),
            *(("POST", path, self._answering(run)) for path, run in posts.items()),
        ]

    def admitted(self, request: Request) -> Who:
        """The sender of a request, after the check of their right to send it.

        Raises
        ------
        UnknownError
            If somebody unknown is about to send a form other than that to sign in.
        """
        who = self._people.of_person(request.cookies)
        if request.method == "POST" and request.url.path != "/sign-in" and not who.known:
            raise UnknownError("Sign in for this action.")
        return who

    def _answering(self, run: Page) -> Answering:
        def answer(request: Request, who: Who, text: str) -> Response:
            try:
                form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
            except ValueError as error:
                raise InputError("The form has too many fields.") from error
            signing = request.url.path == "/sign-in"
            if request.method == "POST" and not signing and form.pop("csrf", "") != who.csrf:
                raise NotAllowedError("The form is of another session; open the page again.")
            if self._closed and not (who.known or signing):
                return RedirectResponse("/sign-in", 303)
            with who.asked_to("Sign in."):
                return run(Visit(request, who, form))

        return answer

    def show(self, visit: Visit, name: str, status: int = 200, **content: Any) -> Response:
        """A page of a template."""
        who = visit.who
        about = {"who": who, "user": who.hub.user, "role": who.hub.role}
        about |= {"here": visit.request.url.path, "roles": ROLES}
        return HTMLResponse(templates().get_template(name).render(**about, **content), status)

    def refused(self, request: Request, sentence: str, status: int) -> Response:
        """Page with the reason of a refusal."""
        # where the hub fails, nobody is looked up in it
        who = self._people.of_person(request.cookies if status < 500 else {})
        visit = Visit(request, who, {})
        return self.show(visit, "error.html", status, sentence=sentence, status_code=status)

    def _home(self, visit: Visit) -> Response:
        questions = visit.hub.listed(kind="question", limit=10 * _LISTED, newest=True)
        settled = ("answered", "accepted")
        unanswered = [q for q in questions if q["state"] not in settled]
        answered = [q for q in questions if q["state"] in settled]
        return self.show(visit, "home.html", open=unanswered, answered=answered)

    def _search(self, visit: Visit) -> Response:
        filters = {n: visit.parameter(n) for n in ("text", "kind", "state", "author", "tag")}
        entries = visit.hub.listed(**filters, limit=_LISTED + 1, newest=True)
        name = "found.html" if "hx-request" in visit.request.headers else "search.html"
        listed: Json = {"entries": entries[:_LISTED], "more": len(entries) > _LISTED}
        return self.show(visit, name, **listed, filters=filters, kinds=KINDS, states=STATES)

    def _entry(self, visit: Visit) -> Response:
        hub, entry = visit.hub, visit.hub.get(visit.request.path_params["id"])
        graph = pictures.graph(hub.evidence(entry["id"]))
        about = links_from(entry, "annotates", "disputes")
        return self.show(
            visit,
            "entry.html",
            entry={"status": None, **entry},
            content=entry["content"] or {},
            facts=views.facts(entry),
            law=views.law_of(entry),
            graph=graph,
            remarks=[hub.get(id) for id in dict.fromkeys(about)][:_LISTED],
            forked=bool(links_to(entry, "forked")),
            acts=self._possible_acts(hub, entry),
        )

    @staticmethod
    def _possible_acts(hub: Hub, entry: Document) -> list[str]:
        """Acts for which the one who looks is shown a form."""
        is_author = entry["author"] == hub.user
        seen = (entry["visibility"], is_author, entry["until"])
        may = {act for act, (action, *_) in ACTS.items() if hub.may(action, *seen)}
        if is_author or entry["kind"] == "review":
            may -= {"reviews"}
        asked_by_agent = entry["kind"] == "job" and entry["agent"]
        foreign = entry["imported"] and entry["kind"] in EXECUTABLE
        if not (foreign or asked_by_agent) or hub.is_agent:
            may -= {"approvals"}
        if entry["kind"] not in ADDED or entry["content"] is None:
            may -= {"forks"}
        return [act for act in ACTS if act in may]

    def _compare(self, visit: Visit) -> Response:
        entry = visit.hub.get(visit.request.path_params["id"])
        difference = visit.hub.difference(entry["id"])
        original = visit.hub.get(links_to(entry, "forked")[0])
        sides = [(e, views.results(visit.hub, e)) for e in (original, entry)]
        return self.show(
            visit, "beside.html", entry=entry, parent=original, difference=difference, sides=sides
        )

    def _file(self, visit: Visit) -> Response:
        """A file that an entry names: a page of it runs nothing and fetches nothing."""
        path = visit.request.path_params
        data = visit.hub.file(path["digest"])
        if path["name"].endswith(".html"):
            return Response(data, media_type="text/html",
                            headers={"content-security-policy": _SANDBOX})  # fmt: skip
        return Response(data, media_type="application/octet-stream",
                        headers={"content-disposition": "attachment"})  # fmt: skip

    def _map(self, visit: Visit) -> Response:
        kernels = visit.hub.kernels()
        kernel = visit.parameter("kernel") or (kernels[0] if kernels else None)
        drawn = None
        if kernel is not None:
            drawn = pictures.run_map(visit.hub, kernel, visit.parameter("x"), visit.parameter("y"))
        name = "drawn.html" if "hx-request" in visit.request.headers else "map.html"
        return self.show(visit, name, kernels=kernels, kernel=kernel, map=drawn)

    def _queue(self, visit: Visit) -> Response:
        entries = []
        for kind in REVIEWED:
            listed = visit.hub.listed(kind=kind, limit=10 * _LISTED, newest=True)
            entries += [
                e for e in listed if e["state"] in _WAITING and e["author"] != visit.hub.user
            ][:_LISTED]
        may = visit.hub.may("review", "open", False)
        return self.show(visit, "queue.html", entries=entries, reviews=may)

    def _jobs(self, visit: Visit) -> Response:
        listed = visit.hub.listed(kind="job", limit=_LISTED, newest=True)
        jobs = [visit.hub.get(job["id"]) for job in listed]
        return self.show(visit, "jobs.html", jobs=jobs)

    def _ask(self, visit: Visit) -> Response:
        form = {k: v.strip() for k, v in visit.form.items() if v.strip()}
        tags = [tag.strip() for tag in form.pop("tags", "").split(",") if tag.strip()]
        # only what was typed is read: no file of the server has a part in a question
        typed = typed_inputs(form.pop("at")) if form.get("at") else {}
        quantities = {n: as_quantity(text, f"'{n}'") for n, text in typed.items()}
        inputs = {n: typed[n] if q.is_range else q.to_json() for n, q in quantities.items()}
        more = {"tags": tags, "inputs": inputs}
        document = {"kind": "question", **form, **{k: v for k, v in more.items() if v}}
        return RedirectResponse(f"/entries/{visit.hub.add(document)}", 303)

    def _act(self, visit: Visit) -> Response:
        id, act = visit.request.path_params["id"], visit.request.path_params["act"]
        route = _ACTS.get(act)
        if route is None or act not in ACTS:
            raise InputError("Entries do not support this action.")
        form = {k: v.replace("\r\n", "\n") for k, v in visit.form.items() if v.strip()}
        rated = {k: int(v) for k, v in form.items() if k in RATINGS and v in tuple("12345")}
        document: Json = {**form, **rated}
        if act == "forks":
            document = json_value(form.get("changes") or "{}", "What differs", "write a table")
        answer = route.run(RestCall(visit.hub, {"id": id}, {}, body_of(route, document)))
        target = answer["id"] if act == "forks" else id
        return RedirectResponse(f"/entries/{target}", 303)

    def _users(self, visit: Visit, token: str = "", whose: str = "") -> Response:
        return self.show(visit, "people.html", users=visit.hub.users(), token=token, whose=whose)

    def _set_user(self, visit: Visit) -> Response:
        form = visit.form
        visit.hub.set_user(form.get("name", ""), form.get("role", ""), form.get("password") or None)
        return RedirectResponse("/people", 303)

    def _new_token(self, visit: Visit) -> Response:
        form = visit.form
        days = number_in(form.get("days"), "Give the lifetime of a token as a number of days.")
        name = form.get("name", "")
        token = visit.hub.new_token(name, days, form.get("scope", "read"))
        # shown this once, and not kept by the browser
        return self._users(visit, token, name)

    def _sign_in(self, visit: Visit) -> Response:
        request = visit.request
        address = request.client.host if request.client else ""
        try:
            session = self._people.sign_in(
                visit.form.get("name", ""), visit.form.get("password", ""), address
            )
        except UnknownError as error:
            return self.show(visit, "sign_in.html", 401, sentence=str(error))
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE,
            session,
            max_age=int(SESSION_DAYS * 86_400),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    def _sign_out(self, visit: Visit) -> Response:
        self._people.sign_out(visit.who)
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE)
        return answer
