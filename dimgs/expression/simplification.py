"""Simplification in a second process, which can be ended when it takes too long.

SymPy's `simplify` has no bound and cannot be interrupted from inside, so that it runs as
`python -P -m dimgs.expression.simplification` with the text on standard input.
"""

import os
import re
import subprocess
import sys

from dimgs.expression.complexity import complexity_of
from dimgs.expression.parsing import sympy_parse, sympy_text


def simplified_text(text: str, timeout: float) -> str | None:
    """Shortest form found of an expression in positive symbols; None where there is none in time.

    Examples
    --------
    >>> simplified_text("(pi_1**2 - 1)/(pi_1 - 1)", timeout=60.0)
    'pi_1 + 1'
    """
    if not sys.executable or timeout <= 0:
        return None
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p))
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "dimgs.expression.simplification"],
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            env=environment | {"PYTHONUTF8": "1"},
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def shortest(text: str) -> str:
    """Shortest of several rewritings, the symbols taken as positive."""
    import sympy

    from dimgs.expression.grammar import function_names

    words = set(re.findall(r"[^\W\d]\w*", text)) - function_names() - {"True", "False", "pi", "E"}
    symbols = {word: sympy.Symbol(word, positive=True) for word in sorted(words)}
    start = sympy_parse(text, symbols)
    forms = [start]
    for rewrite in (sympy.powsimp, sympy.cancel, sympy.factor, sympy.simplify):
        forms.append(rewrite(start))
    return sympy_text(min(forms, key=complexity_of))


if __name__ == "__main__":
    sys.stdout.write(shortest(sys.stdin.read()))
