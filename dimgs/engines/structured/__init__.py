"""The embedded engine of symbolic regression: NumPy, SciPy and SymPy only."""

from dimgs.engines.structured.engine import StructuredEngine

__all__ = ["StructuredEngine"]
