"""Attacks go against a started service, over HTTP."""

from tests.stories.pages.conftest import pages, seller, world

__all__ = ["pages", "seller", "world"]
