"""Draw the friction of smooth pipes with the regimes that were found.

Run `python -m case_studies.smooth_pipe.figure [FILE.svg]`.
"""

import sys
from pathlib import Path

from case_studies.smooth_pipe.study import run


def draw(path: Path) -> None:
    run().save_figure(path)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/images/smooth_pipe.svg"))
