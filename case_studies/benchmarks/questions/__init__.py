"""Questions in words with an answer key, for agents: ``python -m``."""
