"""Maestro: from an idea to merged, proven code."""

__version__ = "0.1.0"
