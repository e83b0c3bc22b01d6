"""A search for a law, in the process that a tool starts for it: ``python -m``."""

import json
import os
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dimgs.agent.arguments import in_arguments, options_of
from dimgs.common.advice import worded
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.formats import plain, write_whole

if TYPE_CHECKING:
    from dimgs.report.results import Report

# runs that are proposed where laws rival: a model reads no more
_NEXT = 3


def search(request: dict[str, Any]) -> dict[str, Any]:
    """Result of a search: its "document" and the ids in the "hub", or an "error"."""
    import warnings

    from dimgs.discovery.discover import discover_with
    from dimgs.discovery.options import DiscoverKeywords
    from dimgs.kernels.record import with_kind

    place = f"{Path(request['table']).parent}{os.sep}"

    def progress(text: str) -> None:
        print(json.dumps({"progress": text}), file=sys.stderr, flush=True)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            options = options_of(DiscoverKeywords, request["options"], None)
            progress("reading the table")
            data = options.read(request["table"], request["target"])
            report = discover_with(data, request["target"], options, progress)
            progress("writing the report")
            folder = Path(request["out"])
            ids = _keep(request["hub"], report, _write(report, folder))
            _write_json(folder / "kept.json", ids or {})
            # the runs that would decide between the rivals, where there are any
            with suppress(DimgsError):
                if report.rivals and report.data is not None:
                    _write_json(folder / "next.json", report.next_runs(_NEXT).to_json())
    except Exception as error:
        message = f"The search failed ({with_kind(error)}). Try fewer columns, or another seed."
        if isinstance(error, DimgsError | TypeError):
            message = str(error)
        elif isinstance(error, MemoryError):
            message = "The search ran out of memory. Try fewer columns or rows."
        is_input = isinstance(error, InputError | TypeError)
        return {"error": message.replace(place, ""), "is_input": is_input}
    document = report.to_json()
    document["warnings"] = [w.replace(place, "") for w in document["warnings"]]
    return {"document": plain(document), "hub": ids}


def _write(report: "Report", folder: Path) -> str:
    """Write what can be read of a study: its page, law, document and figures as SVG."""
    from dimgs.law.serialise import as_text
    from dimgs.report.figures import draw_figures
    from dimgs.report.render import report_html
    from dimgs.report.results import write_all

    drawings = draw_figures(report)
    files = {"report.json": as_text(report.to_json()), "report.html": report_html(report, drawings)}
    files |= {f"figures/{drawing.name}.svg": drawing.svg() for drawing in drawings}
    if report.law is not None:
        files["law.json"] = as_text(report.law.to_json())
    write_all(folder, files)
    return files["report.html"]


def _write_json(file: Path, document: Any) -> None:
    write_whole(file, json.dumps(plain(document), ensure_ascii=False))


def _keep(hub: dict[str, str] | None, report: "Report", page: str) -> dict[str, Any] | None:
    """Store the result in the hub, if one is open."""
    if hub is None:
        return None
    from dimgs.hub import Hub
    from dimgs.hub.hub import keep_report

    with Hub(hub["address"], make=False) as opened_hub:
        return keep_report(opened_hub.for_agent(hub["user"]), report, page)


def main() -> None:
    """Read a request from standard input, and write the document of its search."""
    request = json.loads(sys.stdin.readline())
    output = sys.stdout
    with redirect_stdout(sys.stderr), worded(in_arguments):
        document = search(request)
    json.dump(document, output)


if __name__ == "__main__":
    main()
