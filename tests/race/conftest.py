"""The world of bookings, for races between the requests of its fans."""

from tests.workflow.conftest import opened, world

__all__ = ["opened", "world"]
