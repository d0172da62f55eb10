"""A service in the memory of your tests: it holds balances and tabs, and refuses as the service does.

    fake = FakeTallystick()
    ts = fake.client()
    auth = ts.authorizations.create(kind="prepaid", limit="25.00", return_url="https://shop.example/back")
    fake.agree(auth.id)
    ts.top_ups.create(authorization=auth.id, amount="10.00").wait()
    shop_under_test(ts)
    assert fake.balance(auth.id) == Decimal("9.95")

It has authorizations of balances and tabs, charges, top-ups, settlements, write-offs, refunds of charges, transactions,
and the account. What else is asked raises NotFakedError. Our own tests hold it against the service, answer by answer.
"""

from tallystick_client.testing.fake import FakeTallystick
from tallystick_client.testing.fake_endpoints import NotFakedError

__all__ = ["FakeTallystick", "NotFakedError"]
