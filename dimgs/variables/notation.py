"""How people write units, brought into the notation that Pint reads; what it would misread."""

import re

from dimgs.errors import InputError

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SUPERSCRIPT_RUN = re.compile(r"[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_SQRT = re.compile(r"√\s*(\([^()]*\)|[^\W\d_]+)|sqrt\s*(\([^()]*\))")
# a digit glued to a unit name is its exponent ("kg m-3", "W/m2"), unless it is one already; as long
# as any other exponent may be, for Pint multiplies out what "d638199378" would stand for
_GLUED = re.compile(
    r"(?<![\w.*^/(])([^\W\d_]+)([-+]?\d{1,4})(?![\w.(])"
    r"|(?<=[/*(\s])([^\W\d_]+)([-+]?\d{1,4})(?![\w.(])"
)
_POWER = re.compile(
    r"\*\*\s*(?:\(\s*[-+]?\d{1,4}(?:\.\d*)?\s*(?:/\s*\d{1,4})?\s*\)|[-+]?(?:\d{1,4}(?:\.\d*)?|\.\d+))"
    r"(?![\w.]|\s*\*\*)"
)
_FOREIGN = re.compile(r"[;,:=!?&|<>@~\\`\"#$\x00-\x08\x0e-\x1f]")
_STRAY_NUMBER = re.compile(r"(?:[^\W\d_]|\))\s+\d")
_DIVIDED_NUMBER = re.compile(r"/\s*\d+(?:\.\d*)?\s*[^\W\d_]")
_POWER_OVER_NUMBER = re.compile(r"(?P<base>\w+)\*\*\s*(?P<power>[-+]?\d+\s*/\s*\d+)\s*(?:$|[*/)])")
# characters: no unit is as long, and Pint's time grows with the length
_LONGEST = 200


def refuse_odd(text: str) -> None:
    """Refuse what Pint would misread, or evaluate for ever (``9**9**9**9``)."""
    if len(text) > _LONGEST:
        raise InputError(f"it has more than {_LONGEST} characters")
    foreign = _FOREIGN.search(text)
    if foreign:
        raise InputError(f"{foreign.group()!r} does not belong in a unit")
    if text.count("**") != len(_POWER.findall(text)):
        raise InputError(
            "an exponent is not a plain number or fraction such as 2, -1 or (1/3), or touches the "
            "next unit; W/m²K is W/(m²*K)"
        )
    ambiguous = _POWER_OVER_NUMBER.search(text)
    if ambiguous:
        power = ambiguous["power"].replace(" ", "")
        raise InputError(
            f"it is unclear whether {power} is the exponent; write {ambiguous['base']}^({power})"
        )
    if _DIVIDED_NUMBER.search(text):
        raise InputError("it is unclear what is divided by; write l/(100*km)")
    if _STRAY_NUMBER.search(text):
        raise InputError("a number follows a unit; write an exponent as m^3 and a factor first")


def normalised(text: str) -> str:
    """Rewrite notations that Pint does not read into ones that it does."""
    text = text.replace("·", "*").replace("⋅", "*").replace("×", "*").replace("∙", "*")
    text = text.replace("℃", "°C").replace("℉", "°F")
    text = text.replace("∆", "Δ").replace("μ", "µ").replace("−", "-").replace("^", "**")
    text = re.sub(r"\bAU\b", "astronomical_unit", text)
    text = re.sub(r"Δ\s*(?:°|deg|deg_)?\s*(C|F)\b", r"delta_deg\1", text)
    text = re.sub(r"°\s*(C|F)\b", r"deg\1", text)
    text = _SUPERSCRIPT_RUN.sub(lambda m: f"**({m.group().translate(_SUPERSCRIPTS)})", text)
    return _SQRT.sub(lambda m: f"({m.group(1) or m.group(2)})**(1/2)", text)


def glued_exponents(text: str) -> str:
    """``kg m-3`` as ``kg m**(-3)``."""

    def expand(match: re.Match[str]) -> str:
        name, exponent = (match.group(1), match.group(2)) if match.group(1) else match.groups()[2:]
        return f"{name}**({int(exponent)})"

    return _GLUED.sub(expand, text)


def reason(error: Exception | None) -> str:
    """Why Pint could not read a unit, without the words of its parser."""
    text = str(error or "")
    if "is not defined in the unit registry" in text or type(error) is ZeroDivisionError:
        return text
    return "it is no product of powers of units, or breaks off"
