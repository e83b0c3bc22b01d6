"""``python -m case_studies.benchmarks.symmetry --part collapse``: one half, or all of them."""

import argparse
import os
from importlib import import_module

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

PARTS = ("collapse",)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="by default all")
    parser.add_argument("--repeats", type=int, default=3, help="tables of each case")
    options = parser.parse_args()
    for part in options.part or PARTS:
        import_module(f"case_studies.benchmarks.symmetry.{part}").main(options)


if __name__ == "__main__":
    main()
