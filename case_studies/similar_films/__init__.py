"""Answers about films that nobody ran."""
