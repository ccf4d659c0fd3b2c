"""A real PostgreSQL, started for those tests that ask for one."""

from __future__ import annotations

from tests.world.postgres import database, postgres, role

__all__ = ["database", "postgres", "role"]
