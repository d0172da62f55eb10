"""django-hordak: a cent goes from a buyer's account to the seller's, a transaction with two legs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import django
import psycopg2.extensions
from django.conf import settings

ACCOUNTS_OF_A_CLIENT = 50
SELLER = "sales"


def prepare(database: str) -> None:
    """Make the schema, and the seller's account."""
    _set_up(database)
    from django.core.management import call_command  # noqa: PLC0415 - needs what was set up
    from hordak.models import Account  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    Account.objects.create(name=SELLER, code="1", type="IN", currencies=["EUR"])


def client(database: str, number: int) -> Callable[[], None]:
    """Buyers' accounts, of which the next pays a cent each time."""
    _set_up(database)
    from django.db import transaction  # noqa: PLC0415
    from hordak.models import Account  # noqa: PLC0415
    from moneyed import Money  # noqa: PLC0415

    seller = Account.objects.get(name=SELLER)
    buyers = [
        Account.objects.create(name=f"buyer {number} {each}", type="LI", currencies=["EUR"])
        for each in range(ACCOUNTS_OF_A_CLIENT)
    ]
    count, cent, today = 0, Money("0.01", "EUR"), date.today()  # noqa: DTZ011 - a day of its books

    def pay() -> None:
        nonlocal count
        count += 1
        with transaction.atomic():
            buyers[count % len(buyers)].transfer_to(seller, cent, date=today)

    return pay


def _set_up(database: str) -> None:
    if settings.configured:
        return
    parts = psycopg2.extensions.parse_dsn(database)
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    connection = {names[name]: value for name, value in parts.items() if name in names}
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **connection}},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        HORDAK_DECIMAL_PLACES=2,
        HORDAK_MAX_DIGITS=20,
        HORDAK_CURRENCIES=["EUR"],
        DEFAULT_CURRENCY="EUR",
    )
    django.setup()
