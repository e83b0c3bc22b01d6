"""Benchmarks that print what they measure; run with ``python -m case_studies.benchmarks.NAME``."""
