"""Answers from runs that exist: with equal groups, or with groups that are near."""
