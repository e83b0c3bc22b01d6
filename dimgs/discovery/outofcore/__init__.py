"""Fits of tables larger than memory: in parts, on one machine or on a Dask cluster.

A pass over the parts keeps moments, ranges and the few extreme runs that the domain of validity
needs; the fit, the rational exponents, the law, its warnings and documents are then those of
:mod:`dimgs.discovery.fitting`.
"""
