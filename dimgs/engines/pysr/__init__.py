"""PySR as an engine; neither PySR nor Julia is started before a search."""

from dimgs.engines.pysr.engine import PySREngine

__all__ = ["PySREngine"]
