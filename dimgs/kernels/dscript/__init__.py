"""Pizza3's DSCRIPT behind the kernel protocol: a template resolved by Pizza3, run by LAMMPS."""

from dimgs.kernels.dscript.dscript_kernel import DScript, DScriptPhantomChains

__all__ = ["DScript", "DScriptPhantomChains"]
