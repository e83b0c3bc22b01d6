"""Adapters for simulators, one file each: physical inputs in, one traceable RunRecord out."""
