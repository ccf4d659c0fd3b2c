"""What the tests of this folder share."""

from tests.world.programs import card, program

__all__ = ["card", "program"]
