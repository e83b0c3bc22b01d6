"""A small reader of LaTeX: balanced groups and environments, and only commands that exist."""

import re

_AMSMATH_AND_KERNEL = """
documentclass usepackage begin end section frac sqrt left right times cdot ln sin cos tan exp log
tanh sinh cosh max min infty mathrm text hline wedge vee le leq ge geq neq lvert rvert pm surd circ
backslash sim textbackslash textasciitilde textasciicircum Delta hbar ell perp parallel operatorname
left\\| lfloor rfloor lceil rceil arctan operatorname asin atan sgn varepsilon neg prime quad
"""
_GREEK = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon
phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
"""
_SIUNITX = """
unit per square cubic raiseto percent degreeCelsius kilogram gram metre second kelvin ampere mole
candela watt pascal joule newton coulomb volt ohm farad tesla henry hertz weber lumen lux becquerel
gray sievert katal siemens radian steradian degree minute hour day hectare dalton litre tonne
electronvolt astronomicalunit decibel bel neper quecto ronto yocto zepto atto femto pico nano micro
milli centi deci deca hecto kilo mega giga tera peta exa zetta yotta ronna quetta
"""
KNOWN = frozenset((_AMSMATH_AND_KERNEL + _GREEK + _SIUNITX).split())
_TOKEN = re.compile(r"\\([A-Za-z]+)\*?|\\(.)|([{}$^_&%#~])|(.)", re.DOTALL)
_TEXT = re.compile(r"\\text\{((?:\\.|[^{}\\]|\{[^{}]*\})*)\}")
_ENVIRONMENT = re.compile(r"\\(begin|end)\{(\w+\*?)\}")


def problems(latex: str, in_math: bool = True) -> list[str]:
    """What a LaTeX engine would stumble over; empty for sound input."""
    listed = [
        f"unprintable {c!r}" for c in latex if not (c.isascii() and (c.isprintable() or c == "\n"))
    ]
    for inside in _TEXT.findall(latex):
        listed += problems(inside, in_math=False)
    latex = _TEXT.sub("T", latex)
    depth = 0
    math = in_math
    delimiters = 0
    bare = _ENVIRONMENT.sub("", latex)
    for command, escaped, special, _ in _TOKEN.findall(bare):
        if command and command not in KNOWN:
            listed.append(f"unknown command {command}")
        delimiters += {"left": 1, "right": -1}.get(command, 0)
        if escaped and escaped not in "\\ ,:;!{}$&#%_|\n":
            listed.append(f"unknown escape {escaped!r}")
        depth += {"{": 1, "}": -1}.get(special, 0)
        if depth < 0:
            listed.append("a group ends that never began")
        if special == "$":
            math = not math
        if special in {"%", "#", "~"} or (
            special in {"^", "_"} and not math and "equation" not in latex
        ):
            listed.append(f"bare {special}")
    if depth or delimiters:
        listed.append("groups or delimiters are not balanced")
    if math != in_math:
        listed.append("$ is not balanced")
    return listed + _environments(latex) + _double_scripts(bare)


def _environments(latex: str) -> list[str]:
    stack: list[str] = []
    for kind, name in _ENVIRONMENT.findall(latex):
        if kind == "begin":
            stack.append(name)
        elif not stack or stack.pop() != name:
            return [f"\\end{{{name}}} without its beginning"]
    return [f"\\begin{{{name}}} without its end" for name in stack]


def _double_scripts(latex: str) -> list[str]:
    """x^{a}^{b} and x'^{a} after a subscript, which TeX refuses."""
    flat = latex
    while True:
        inner = re.sub(r"(?<!\\)\{[^{}]*\}", "G", flat.replace(r"\{", "B").replace(r"\}", "B"))
        if inner == flat:
            break
        flat = inner
    return ["double script"] if re.search(r"\^G_?G?\^|_G\^G?_|'_G\^|_G_", flat) else []
