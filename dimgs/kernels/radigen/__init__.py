"""Radigen behind the kernel protocol: radical oxidation of a fatty ester."""

from dimgs.kernels.radigen.kernel import Radigen

__all__ = ["Radigen"]
