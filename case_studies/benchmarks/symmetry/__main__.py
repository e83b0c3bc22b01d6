"""``python -m case_studies.benchmarks.symmetry --part collapse``: one part, or all of them."""

import argparse
import os
from importlib import import_module

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

PARTS = ("collapse", "invariants", "symmetries", "bounds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="by default all")
    parser.add_argument("--repeats", type=int, default=3, help="tables of each case")
    parser.add_argument("--noise", type=float, action="append", help="of the invariants' columns")
    parser.add_argument("--seed", type=int, default=0, help="of the invariants' runs")
    parser.add_argument("--names", nargs="*", default=(), help="systems or laws; by default all")
    parser.add_argument("--fresh", action="store_true", help="systems that nothing was tuned on")
    options = parser.parse_args()
    failed = False
    for part in options.part or PARTS:
        failed |= bool(import_module(f"case_studies.benchmarks.symmetry.{part}").main(options))
    raise SystemExit(int(failed))


if __name__ == "__main__":
    main()
