"""Draws the pictures of figures.md with the code that stands above them: `python docs/gallery.py`.

Each picture is the `axes` that the blocks before it left behind.
"""

import doctest
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_BLOCK = re.compile(r"^```python\n(.*?)^```|^!\[[^\]]*\]\(gallery/(\w+)\.svg\)", re.DOTALL | re.M)


def main() -> None:
    """Run the page from top to bottom and save its pictures."""
    from dimgs.report.figures import save

    folder = HERE / "gallery"
    folder.mkdir(exist_ok=True)
    known: dict[str, Any] = {}
    for found in _BLOCK.finditer((HERE / "figures.md").read_text(encoding="utf-8")):
        code, name = found.groups()
        if name:
            sys.stdout.write(f"{save(known['axes'], folder / f'{name}.svg')}\n")
            continue
        for example in doctest.DocTestParser().get_examples(code):
            exec(compile(example.source, "figures.md", "single"), known)


if __name__ == "__main__":
    main()
