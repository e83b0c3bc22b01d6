"""Every check of the project in one command: `python -m tests`."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHECKS = (
    ("format", ["ruff", "format", "--check", "."]),
    ("lint", ["ruff", "check", "."]),
    ("types", ["mypy"]),
    ("layers", ["lint-imports"]),
    ("pages", ["sphinx-build", "-q", "-W", "--keep-going", "docs", "docs/_build"]),
    ("tests and examples", ["pytest", "-n", "2", "--dist", "worksteal"]),
)


def main() -> int:
    """Run all checks, the tests last, and return the number of those that failed."""
    failed = []
    for name, command in CHECKS:
        print(f"== {name}", flush=True)
        program = Path(sys.executable).with_name(command[0])
        more = sys.argv[1:] if command[0] == "pytest" else []
        if subprocess.run([str(program), *command[1:], *more], cwd=ROOT, check=False).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
