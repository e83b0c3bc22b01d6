"""Draws the pictures of two pages with the code on them: `python docs/gallery.py`.

A picture is what the blocks before it left behind: `axes`, or a `graph` of evidence.
"""

import doctest
import re
import sys
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_BLOCK = re.compile(
    r"^```python\n(.*?)^```|^!\[[^\]]*\]\(\.\./images/(\w+)\.svg\)", re.DOTALL | re.MULTILINE
)
_STYLE = (
    "text{font:14px sans-serif;fill:#222}.small{font-size:12px;fill:#666}"
    "rect{fill:#fff;stroke:#777}path{fill:none;stroke:#777}"
)


def main() -> None:
    """Run the pages from top to bottom and save their pictures."""
    from dimgs.report.figures import save

    folder = HERE / "images"
    folder.mkdir(exist_ok=True)
    for page in ("reference/plots.md", "howto/agents.md"):
        known: dict[str, Any] = {}
        for found in _BLOCK.finditer((HERE / page).read_text(encoding="utf-8")):
            code, name = found.groups()
            if name and "axes" in known:
                sys.stdout.write(f"{save(known['axes'], folder / f'{name}.svg')}\n")
            elif name:
                (folder / f"{name}.svg").write_text(evidence(known["graph"]), encoding="utf-8")
                sys.stdout.write(f"{folder / f'{name}.svg'}\n")
            for example in doctest.DocTestParser().get_examples(code or ""):
                exec(compile(example.source, page, "single"), known)


def evidence(graph: dict[str, Any]) -> str:
    """Picture of a graph of evidence, laid out as the pages of a hub show it."""
    from dimgs.web.pictures import graph as laid_out

    drawn = laid_out(graph)
    assert drawn is not None
    parts = [f"<style>{_STYLE}</style>"]
    parts += [f'<path d="{arrow["path"]}"/>' for arrow in drawn.arrows]
    for box in drawn.boxes:
        x, y = box["x"], box["y"]
        parts.append(f'<rect x="{x}" y="{y}" width="150" height="58" rx="9"/>')
        parts.append(f'<text class="small" x="{x + 9}" y="{y + 17}">{escape(box["kind"])}</text>')
        for k, line in enumerate(box["lines"]):
            parts.append(f'<text x="{x + 9}" y="{y + 33 + 17 * k}">{escape(line)}</text>')
    size = f'width="{drawn.width}" height="{drawn.height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>' + "".join(parts) + "</svg>\n"


if __name__ == "__main__":
    main()
