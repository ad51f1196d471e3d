"""Repositories as people have them: the table of ``tests/faults/test_repositories.py``, one function a kind."""

from tests.faults.kinds import contents, hostile, meanwhile, places, settings
from tests.faults.kinds.base import KINDS, Kind

__all__ = ["KINDS", "Kind", "contents", "hostile", "meanwhile", "places", "settings"]
