"""Curves that fall on one."""
