"""Draws the pictures of the pages, most with the code on them: `python docs/gallery.py`.

A picture is what the blocks before it left behind: `axes`, or a `graph` of evidence.
"""

import doctest
import re
import sys
import tomllib
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
    (folder / "layers.svg").write_text(layers(), encoding="utf-8")
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


def layers() -> str:
    """Picture of the folders of dimgs, one row for each layer of the import contract."""
    settings = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    (rows,) = [
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]
    width, height, gap = 360, 26, 8
    parts = [f"<style>{_STYLE}</style>"]
    for k, row in enumerate(rows):
        names = [name.strip() for name in row.split("|")]
        wide = (width - gap * (len(names) - 1)) / len(names)
        y = 1 + k * (height + gap)
        for j, name in enumerate(names):
            x = 1 + j * (wide + gap)
            parts.append(f'<rect x="{x}" y="{y}" width="{wide}" height="{height}" rx="6"/>')
            parts.append(
                f'<text x="{x + wide / 2}" y="{y + 18}" text-anchor="middle">{escape(name)}</text>'
            )
    size = f'width="{width + 2}" height="{len(rows) * (height + gap)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>' + "".join(parts) + "</svg>\n"


def evidence(graph: dict[str, Any]) -> str:
    """Picture of a graph of evidence, laid out as the pages of a hub show it."""
    from dimgs.web.pages import evidence_graph as laid_out

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
