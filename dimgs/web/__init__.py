"""The hub's server: REST under ``/api/v1``, and pages for people under ``/``."""
