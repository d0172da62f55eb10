"""For every code that the API can send, a way to provoke it: a call that ends in just this refusal.

CAUSES has them all, by the code; each module registers its own.
"""

from tests.stories.api.causes import accounts, amounts, forms, tokens, transactions
from tests.stories.api.causes.provoking import CAUSES

__all__ = ["CAUSES", "accounts", "amounts", "forms", "tokens", "transactions"]
