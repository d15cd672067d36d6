"""The world of payments, for their model as for their workflow."""

from tests.workflow.conftest import opened, world

__all__ = ["opened", "world"]
