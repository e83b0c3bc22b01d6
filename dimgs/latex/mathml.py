"""The LaTeX of this package -> MathML, for pages that need no network and no script."""

import re
from collections.abc import Sequence
from html import escape

from dimgs.latex.math_symbols import DOUBLE, FUNCTIONS, LETTERS, OPERATORS, SPACES

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|[^\s]|\s+", re.DOTALL)
# what XML cannot hold
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
_STOPS = frozenset({"}", "&", r"\\", r"\right", r"\end", "]"})
_FENCES = {".": "", r"\{": "{", r"\}": "}", r"\lfloor": "⌊", r"\rfloor": "⌋", r"\lceil": "⌈"}
_FENCES |= {r"\rceil": "⌉", r"\|": "‖"}
_ESCAPED = frozenset("{}%#_&$")
_SINGLE = re.compile(r"<(m[ino]|mtext)(?: [^<>]*)?>[^<>]*</\1>")
_LEFT = ' style="text-align:left"'
_DEEPEST = 60
_SIZES = frozenset({"big", "Big", "bigg", "Bigg"})
# the invisible sign between a function and its argument
_APPLY = "<mo>\u2061</mo>"
# what may follow the name of a function without a space
_CLOSE = _STOPS | {"", "{", "(", r"\left", ",", ")", "^", "_"}


def mathml(latex: str, *, display: bool = False) -> str:
    r"""MathML of a formula that this package writes.

    Fractions, roots, exponents and subscripts, fences, cases, functions, Greek letters, upright
    words and numbers are understood; another command appears as its own text, so that nothing
    is lost.

    Parameters
    ----------
    latex : str
        For math mode.
    display : bool
        On a line of its own.

    Returns
    -------
    str
        A ``math`` element whose ``alttext`` is the LaTeX.

    References
    ----------
    MathML Core, W3C (2023).

    Examples
    --------
    >>> print(mathml(r"x^{2}"))
    <math alttext="x^{2}"><msup><mi>x</mi><mn>2</mn></msup></math>
    """
    latex = _UNPRINTABLE.sub("", latex)
    tokens = _TOKEN.findall(latex)
    body = _Reader(tokens).everything()
    block = ' display="block"' if display else ""
    return f'<math{block} alttext="{escape(latex)}">{body}</math>'


class _Reader:
    """One pass over the tokens."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens, self._at, self._depth = tokens, 0, 0

    def everything(self) -> str:
        """All tokens; a stop that nothing opened is skipped."""
        parts = [self._row()]
        while self._at < len(self._tokens):
            self._at += 1
            parts.append(self._row())
        return "".join(parts)

    def _peek(self) -> str:
        """The next token that is no blank."""
        while self._at < len(self._tokens) and self._tokens[self._at].isspace():
            self._at += 1
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _row(self) -> str:
        parts = []
        while (token := self._peek()) and token not in _STOPS:
            parts.append(self._scripted())
        return "".join(parts)

    def _scripted(self) -> str:
        """An atom with what is above and below it."""
        base = "<mrow></mrow>" if self._peek() in ("^", "_") else self._atom()
        # tanh^2(x): the exponent belongs to the name alone
        applied = _APPLY if base.endswith(_APPLY) else ""
        written = self._with_scripts(base.removesuffix(_APPLY))
        if applied and self._peek() not in _CLOSE:
            applied += '<mspace width="0.17em"></mspace>'
        return written + applied

    def _with_scripts(self, base: str) -> str:
        above: list[str] = []
        below: list[str] = []
        while (token := self._peek()) in ("^", "_", "'"):
            self._next()
            if token == "'":
                above.append("<mo>′</mo>")
            else:
                (above if token == "^" else below).append(self._argument())
        if above and below:
            return f"<msubsup>{base}{_group(below)}{_group(above)}</msubsup>"
        if above:
            return f"<msup>{base}{_group(above)}</msup>"
        return f"<msub>{base}{_group(below)}</msub>" if below else base

    def _argument(self) -> str:
        """What braces hold, or the next token, as one element."""
        if self._peek() != "{":
            return self._atom() if self._peek() and self._peek() not in _STOPS else "<mrow></mrow>"
        return self._braced()

    def _braced(self) -> str:
        self._next()
        self._depth += 1
        inner = self._row() if self._depth < _DEEPEST else ""
        self._depth -= 1
        if self._peek() == "}":
            self._next()
        return _group([inner])

    def _atom(self) -> str:
        token = self._next()
        if token == "{":
            self._at -= 1
            return self._braced()
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.startswith("\\"):
            return self._command(token[1:])
        if token.isalpha():
            return f"<mi>{escape(token)}</mi>"
        if token == "/":
            return '<mo lspace="0" rspace="0">/</mo>'
        if token in "()[]|":
            return f'<mo stretchy="false">{token}</mo>'
        return f"<mo>{escape({'-': '−', '*': '∗'}.get(token, token))}</mo>"

    def _command(self, name: str) -> str:
        if name in LETTERS:
            return f"<mi>{LETTERS[name]}</mi>"
        if name in OPERATORS:
            return f"<mo>{escape(OPERATORS[name])}</mo>"
        if name in FUNCTIONS:
            return f"<mi>{name}</mi>{_APPLY}"
        if name in SPACES:
            return f'<mspace width="{SPACES[name]}"></mspace>'
        if name in _ESCAPED:
            return f"<mo>{escape(name)}</mo>"
        if name in ("mathrm", "operatorname", "text"):
            return self._word(name)
        if name == "mathbb":
            letter = self._argument()
            return "".join(f"<mi>{DOUBLE[c]}</mi>" for c in letter if c in DOUBLE) or letter
        if name == "bar":
            return f'<mover accent="true">{self._argument()}<mo>¯</mo></mover>'
        if name in _SIZES:
            # the size of the sign alone, which is left to the page
            return self._atom() if self._peek() not in _STOPS else ""
        if name in ("frac", "tfrac"):
            return f"<mfrac>{self._argument()}{self._argument()}</mfrac>"
        if name == "sqrt":
            return self._root()
        if name == "left":
            return self._fenced()
        if name == "begin":
            return self._environment()
        return f"<mtext>{escape(chr(92) + name)}</mtext>"

    def _root(self) -> str:
        if self._peek() != "[":
            return f"<msqrt>{self._argument()}</msqrt>"
        self._next()
        index = _group([self._row()])
        if self._peek() == "]":
            self._next()
        return f"<mroot>{self._argument()}{index}</mroot>"

    def _fence(self) -> str:
        token = self._next()
        sign = _FENCES.get(token, token.removeprefix("\\"))
        return f'<mo stretchy="true">{escape(sign)}</mo>' if sign else ""

    def _fenced(self) -> str:
        opening = self._fence()
        self._depth += 1
        inner = self._row() if self._depth < _DEEPEST else ""
        self._depth -= 1
        closing = ""
        if self._peek() == r"\right":
            self._next()
            closing = self._fence()
        return f"<mrow>{opening}{inner}{closing}</mrow>"

    def _environment(self) -> str:
        """Cases, as a table behind a brace."""
        self._argument()
        rows: list[list[str]] = [[]]
        self._depth += 1
        while self._peek() and self._depth < _DEEPEST:
            rows[-1].append(self._row())
            token = self._next()
            if token == r"\\":
                rows.append([])
            elif token != "&":
                break
        self._depth -= 1
        self._argument()
        lines = "".join(
            "<mtr>"
            + "".join(f'<mtd style="text-align:left">{cell}</mtd>' for cell in row)
            + "</mtr>"
            for row in rows
            if any(row)
        )
        return f'<mrow><mo stretchy="true">{{</mo><mtable>{lines}</mtable></mrow>'

    def _word(self, kind: str) -> str:
        """An upright word; a formula where it holds more than text."""
        if self._peek() != "{":
            return self._argument()
        self._next()
        parts, depth = [], 0
        while self._at < len(self._tokens) and (self._tokens[self._at] != "}" or depth):
            token = self._tokens[self._at]
            self._at += 1
            depth += (token == "{") - (token == "}")
            if token in ("{", "}", "$"):
                continue
            if token.startswith("\\"):
                name = token[1:]
                space = " " if name in SPACES or name == " " else name
                parts.append(LETTERS.get(name) or OPERATORS.get(name) or space)
            else:
                parts.append(token)
        self._next()
        text = escape("".join(parts)).replace(" ", "\u00a0")
        if kind == "text":
            return f"<mtext>{text}</mtext>"
        apply = _APPLY if kind == "operatorname" else ""
        return f'<mi mathvariant="normal">{text}</mi>{apply}'


def _group(parts: Sequence[str]) -> str:
    """Parts as one element."""
    joined = "".join(parts)
    return joined if _SINGLE.fullmatch(joined) else f"<mrow>{joined}</mrow>"
