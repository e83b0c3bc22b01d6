"""A request of a person for a page."""

from dataclasses import dataclass

from starlette.requests import Request

from dimgs.hub import Hub
from dimgs.web.people import Who

Form = dict[str, str]


@dataclass(frozen=True)
class Asked:
    """A request of a person."""

    request: Request
    who: Who
    form: Form

    @property
    def hub(self) -> Hub:
        """The hub for the one who asks."""
        return self.who.hub

    def parameter(self, name: str) -> str | None:
        """A parameter of the address; None where it is blank."""
        return self.request.query_params.get(name, "").strip()[:1000] or None
