from tests.stories.cobranded.conftest import pages, seller, world

__all__ = ["pages", "seller", "world"]
