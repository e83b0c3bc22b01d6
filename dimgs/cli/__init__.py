"""The command line: parse, call, print."""

import sys


def main() -> None:
    """Run the command line; exits 0, 1 (computation), 2 (use or input) or 130 (Ctrl-C)."""
    from dimgs.cli.app import run
    from dimgs.cli.output import keep_standard_output

    keep_standard_output()
    sys.exit(run())
