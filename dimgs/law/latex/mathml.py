"""The LaTeX of this package -> MathML, for pages that need no network and no script."""

import re
from functools import lru_cache
from html import unescape
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

# what XML cannot hold
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
# the converter sets these upright only in braces, and a letter only beside another part
_SCRIPT = re.compile(r"(?<=[_^])(\\mathrm\{[^{}]*\})")
_LETTER = re.compile(r"\\mathrm\{([A-Za-z])\}")
# what follows the name of a function without a space
_CLOSE = frozenset({"mrow", "mo", "mspace", "mtext"})
_NO_ROOM = {"lspace": "0", "rspace": "0"}


@lru_cache(maxsize=4096)
def mathml(latex: str, *, display: bool = False) -> str:
    r"""MathML of a formula that this package writes.

    Parameters
    ----------
    latex : str
        For math mode. What cannot be read appears as its own text, so that nothing is lost.
    display : bool
        On a line of its own.

    Returns
    -------
    str
        A ``math`` element whose ``alttext`` is the LaTeX, whatever the LaTeX holds.

    References
    ----------
    MathML Core, W3C (2023); converted by latex2mathml.

    Examples
    --------
    >>> print(mathml(r"x^{2}"))
    <math alttext="x^{2}"><msup><mi>x</mi><mrow><mn>2</mn></mrow></msup></math>
    """
    text = _UNPRINTABLE.sub("", latex)
    root = Element("math", {"display": "block"} if display else {}, alttext=text)
    try:
        root.extend(_converted(text))
    # the errors of the converter have no base of their own
    except Exception:
        root[:] = []
        SubElement(root, "mtext").text = text
    return tostring(root, encoding="unicode", short_empty_elements=False)


def spoken(latex: str) -> str:
    r"""A formula as words, for reading aloud.

    Examples
    --------
    >>> print(spoken(r"\tau_{w}"), "|", spoken(r"\frac{a}{\mathrm{Re}}"))
    τ w | a Re
    """
    return " ".join(part.strip() for part in fromstring(mathml(latex)).itertext() if part.strip())


def _converted(latex: str) -> list[Element]:
    from latex2mathml.converter import convert_to_element

    plain = _LETTER.sub(r"\\mathrm{\1{}}", _SCRIPT.sub(r"{\1}", latex))
    (row,) = convert_to_element(plain)
    for node in row.iter():
        # the converter writes entities as text; as characters they are escaped when written
        node.text = unescape(node.text) if node.text else node.text
        if node.tag == "mo" and node.text == "/":
            node.attrib |= _NO_ROOM
        if node.tag == "mo" and node.text and node.text.isalpha() and len(node.text) > 1:
            node.tag = "mi"
        if align := node.attrib.pop("columnalign", None):
            # browsers know the style alone
            node.set("style", f"text-align:{align}")
        _join_words(node)
        _stand_off(node)
    return list(row)


def _join_words(node: Element) -> None:
    """Upright letters in a row become one word."""
    upright = {"mathvariant": "normal"}
    for left, right in reversed(list(zip(node, list(node)[1:], strict=False))):
        both = left.tag == right.tag == "mi" and left.attrib == right.attrib == upright
        if both and (left.text or "").isalnum() and (right.text or "").isalnum():
            left.text = f"{left.text}{unescape(right.text or '')}"
            node.remove(right)


def _stand_off(node: Element) -> None:
    """A thin space between a function and an argument without parentheses."""
    for k in reversed(range(len(node) - 1)):
        name = node[k][0] if node[k].tag in ("msup", "msub") else node[k]
        word = len(name.text or "") > 1 and (name.text or "").isalpha()
        if name.tag == "mi" and word and not name.attrib and node[k + 1].tag not in _CLOSE:
            node.insert(k + 1, Element("mspace", width="0.167em"))
