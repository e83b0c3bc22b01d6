"""OpenAPI of the REST, made from its table of routes."""

import re
from functools import cache
from typing import Any

from dimgs.web.routes import ROUTES, Route

BASE = "/api/v1"
_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "strings": {"type": "array", "items": {"type": "string"}},
    "integer": {"type": "integer", "minimum": 0},
    "boolean": {"type": "boolean"},
}
_STATUSES = {
    "400": "It cannot be used",
    "401": "A token is needed",
    "403": "The user or the token may not do that",
    "404": "There is no such entry",
    "413": "It is too long",
    "429": "Too many attempts",
    "503": "The database cannot be used now",
}


@cache
def document() -> dict[str, Any]:
    """The document ``openapi.json``."""
    import dimgs

    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(f"{BASE}{route.path}", {})[route.method.lower()] = _operation(route)
    error = {
        "type": "object",
        "properties": {"error": {"type": "string", "description": "One sentence."}},
        "required": ["error"],
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dimgs hub",
            "version": dimgs.__version__,
            "description": "Questions, runs, laws and answers that a group shares and reviews.",
        },
        "paths": paths,
        "security": [{"token": []}, {}],
        "components": {
            "schemas": {"Error": error},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "id.secret"}
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", route.path)
    where = {"in": "path", "required": True, "schema": _TYPES["string"]}
    parameters = [{"name": name, **where} for name in names]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": _TYPES[kind]}
        for name, kind in route.query.items()
    ]
    told = re.sub(r"[{}]", "", route.path).strip("/").replace("/", "_")
    failing = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    answer: dict[str, Any] = (
        {"application/jsonl": {}} if route.path == "/documents" else {"application/json": {}}
    )
    out: dict[str, Any] = {
        "operationId": f"{route.method.lower()}_{told}",
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            str(route.status): {"description": "Done", "content": answer},
            **{code: {"description": why, "content": failing} for code, why in _STATUSES.items()},
        },
    }
    if route.body is str:
        out["requestBody"] = {"required": True, "content": {"application/jsonl": {}}}
    elif route.body is not None:
        schema = route.body.model_json_schema()
        out["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return out
