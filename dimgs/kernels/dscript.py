"""LAMMPS decks in DSCRIPT, the template language of Pizza3: resolved by it, run by LAMMPS."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from dimgs.common.errors import RunFailedError
from dimgs.kernels.checkout import Checkout
from dimgs.kernels.lammps import LammpsKernel, PhantomChains, template_text

CHECKOUT = Checkout(
    "Pizza3", "PIZZA3_ROOT", "pizza/dscript.py", "https://github.com/ovitrac/Pizza3"
)
_CHILD = str(Path(__file__).with_name("dscript_child.py"))
_DEFINITION = re.compile(r"(\w+)\s*=")
_UNRESOLVED = re.compile(r"\$\{\w+\}|<\s*undef\b[^>]*>")
# seconds in which Pizza3 resolves a template; a longer time means that it hangs
_TIMEOUT = 120.0


class DScript(LammpsKernel):
    """A LAMMPS deck written in DSCRIPT; the checkout of Pizza3 is named by PIZZA3_ROOT.

    The template is the text of a DSCRIPT file. What :class:`LammpsKernel` has as fields are its
    definitions here: every input in LAMMPS's units, ``units``, ``seed``, ``bath_seed`` and the
    settings of the tier. They replace definitions of the same name in the text. Labels stand for
    themselves. The deck prints its outputs as lines ``dimgs NAME VALUE``.

    Parameters
    ----------
    template, inputs, outputs, tiers, **options
        As for :class:`LammpsKernel`.

    Notes
    -----
    Pizza3 runs in a process of its own: its package cannot be imported on Python 3.11, but the
    modules that DSCRIPT needs can, below an empty package of the same name.
    """

    def _configuration(self) -> Mapping[str, Any]:
        return {**super()._configuration(), **CHECKOUT.state()}

    def _text(self, fields: Mapping[str, Any]) -> str:
        state = json.dumps(CHECKOUT.state(), sort_keys=True)
        return resolved(with_definitions(self.template, fields), state)


class DScriptPhantomChains(DScript, PhantomChains):
    """The phantom chains of :class:`PhantomChains` with their deck in DSCRIPT.

    Parameters
    ----------
    units : {"lj", "real"}
    program : path-like, optional
    timeout : float
    """

    def __init__(self, **options: Any) -> None:
        PhantomChains.__init__(self, **{"name": "dscript-phantom", **options})
        self.template = template_text("phantom_chains.txt")


@lru_cache(maxsize=64)
def resolved(template: str, state: str) -> str:
    """LAMMPS deck that Pizza3 makes of a DSCRIPT text.

    Parameters
    ----------
    template : str
    state : str
        Of the checkout of Pizza3: another one may make another deck.

    Raises
    ------
    RunRefusedError
        If there is no checkout of Pizza3.
    RunFailedError
        If Pizza3 fails, or leaves a definition unresolved.
    """
    deck = str(CHECKOUT.run(_CHILD, {"template": template}, _TIMEOUT)["deck"])
    unresolved = _UNRESOLVED.search(_without_comments(deck))
    if unresolved:
        raise RunFailedError(f"Pizza3 left {unresolved[0]} unresolved; define it in the template.")
    return deck


def with_definitions(template: str, values: Mapping[str, Any]) -> str:
    r"""DSCRIPT text with these definitions first, and no others of the same names.

    They must be in the text: templates of Pizza3 keep the definitions that were there when
    they were read.

    Parameters
    ----------
    template : str
        Its first line is the header.
    values : mapping of str to float, int or str

    Examples
    --------
    >>> text = "# DSCRIPT SAVE FILE\nT = 1.0\nT2 = 2*${T}\nfix: fix 1 all nvt ${T} ${T2}"
    >>> print(with_definitions(text, {"T": 3, "units": "lj"}))
    # DSCRIPT SAVE FILE
    T = 3
    units = $lj
    T2 = 2*${T}
    fix: fix 1 all nvt ${T} ${T2}
    """
    header, *lines = template.strip().splitlines()
    body, inside = [], False
    for line in lines:
        bare = line.split("#", 1)[0].strip()
        definition = _DEFINITION.match(bare)
        if inside or definition is None or definition[1] not in values:
            body.append(line)
        if inside:
            inside = bare not in ("]", "}") and not bare.endswith("}")
        else:
            inside = bare.endswith("[") or (bare.startswith("{") and not bare.endswith("}"))
    return "\n".join([header, *(f"{n} = {_written(v)}" for n, v in values.items()), *body])


def _written(value: Any) -> str:
    """A number, with a decimal point unless it is whole, or a text as it is."""
    if isinstance(value, str):
        return f"${value}"
    text = repr(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _without_comments(deck: str) -> str:
    return "\n".join(line.split("#", 1)[0] for line in deck.splitlines())
