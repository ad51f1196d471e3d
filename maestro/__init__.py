"""Maestro: from an idea to merged, proven code."""

import os

__version__ = "0.1.0"

# Pydantic would look through every installed package for plugins when it is first imported; Maestro uses none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
