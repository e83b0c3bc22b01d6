"""The command line: parse, call, print."""

import os
import sys

from dimgs.cli.exits import INTERRUPTED


def main() -> None:
    """Run the command line; exits 0, 1 (computation), 2 (use or input) or 130 (Ctrl-C)."""
    try:
        import signal

        before = signal.getsignal(signal.SIGINT)
        at_once = before is signal.default_int_handler
        if at_once:
            # nothing is computed yet, and a library may take an exception in its import for its own
            signal.signal(signal.SIGINT, _end)
        from dimgs.cli.app import run
        from dimgs.cli.output import keep_standard_output

        keep_standard_output()
        if at_once:
            signal.signal(signal.SIGINT, before)
        code = run()
        if at_once:
            signal.signal(signal.SIGINT, _end)
    except KeyboardInterrupt:
        _end()
    sys.exit(code)


def _end(*_: object) -> None:
    """End the process with one line, as when Ctrl-C is pressed."""
    try:  # noqa: SIM105 - an import would take the time in which this is needed
        os.write(2, b"interrupted\n")
    except OSError:
        pass
    os._exit(INTERRUPTED)
