"""LAMMPS decks in DSCRIPT, the template language of Pizza3: resolved by it, run by LAMMPS."""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from dimgs.errors import RunFailedError
from dimgs.kernels.checkout import Checkout
from dimgs.kernels.lammps.chains import PhantomChains
from dimgs.kernels.lammps.kernel import LammpsKernel

CHECKOUT = Checkout(
    "Pizza3", "PIZZA3_ROOT", "pizza/dscript.py", "https://github.com/ovitrac/Pizza3"
)
_CHILD = str(Path(__file__).with_name("child.py"))
_LEFT = re.compile(r"\$\{\w+\}|<\s*undef\b[^>]*>")
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
        return {**super()._configuration(), "commit": CHECKOUT.commit()}

    def _text(self, fields: Mapping[str, Any]) -> str:
        definitions = {n: f"${v}" if isinstance(v, str) else v for n, v in fields.items()}
        return resolved(self.template, tuple(sorted(definitions.items())))


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
        self.template = template_text("phantom_chains")


@lru_cache(maxsize=64)
def resolved(template: str, definitions: tuple[tuple[str, Any], ...]) -> str:
    """LAMMPS deck that Pizza3 makes of a DSCRIPT text.

    Parameters
    ----------
    template : str
    definitions : tuple of (str, value)
        Replace those of the text.

    Raises
    ------
    RunRefusedError
        If there is no checkout of Pizza3.
    RunFailedError
        If Pizza3 fails, or leaves a definition unresolved.
    """
    request = {"template": template, "definitions": dict(definitions)}
    deck = str(CHECKOUT.run(_CHILD, request, _TIMEOUT)["deck"])
    left = _LEFT.search(_without_comments(deck))
    if left:
        raise RunFailedError(f"Pizza3 left {left[0]} unresolved; define it in the template.")
    return deck


def template_text(name: str) -> str:
    """A DSCRIPT text that comes with dimgs."""
    folder = files("dimgs.kernels.dscript") / "templates"
    return (folder / f"{name}.txt").read_text(encoding="utf-8")


def _without_comments(deck: str) -> str:
    return "\n".join(line.split("#", 1)[0] for line in deck.splitlines())
