"""Nothing that happens all the time writes what every machine of a cluster has a copy of, or what refers to that.

A write to a reference table is a commit in two phases on all machines: while one of them is down there is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.store.citus_rules import Place, places
from tests.store.test_citus_rules import by_file

from tallystick.db import distribution
from tallystick.db.connections import Pool

HOT: Mapping[str, str] = {
    "access_key_use": "calls that are signed",
    "attempt_count": "everything that may be tried only so often",
    "cobranded_visit": "visits of hosted pages",
    "mail": "letters",
    "mailed_proof": "codes and links by mail",
    "passkey": "signing in with one",
    "pulse": "every process, all the time",
    "recovery_code": "signing in with one",
    "second_factor": "signing in with an authenticator app",
    "sign_in_pause": "signing in with a password",
    "spent_challenge": "signing in with a passkey",
    "web_session": "pages that are looked at",
}
"""Tables that belong to no book and are written all the time, and by what."""

RARELY: Mapping[str, str] = {
    # people
    "store/accounts/parties.choose_language": "somebody chooses one",
    "store/accounts/parties.create": "an account is opened",
    "store/accounts/parties.rename": "somebody changes their name",
    "store/accounts/parties.renew_password_hash": "a new version hashes passwords otherwise; once each",
    "store/accounts/parties.replace_password": "somebody changes it",
    "store/accounts/parties.set_fee_schedule": "the operator changes a seller's fees",
    "store/accounts/parties.set_standing": "the operator says who is verified, suspended, denied",
    "store/accounts/parties.sign_out_everywhere": "somebody asks for it",
    "store/accounts/parties.verify_bank_accounts": "the operator verifies somebody",
    "store/accounts/parties.verify_email": "an address is proved; once each",
    "store/accounts/personal_data.erase_payment_methods": "an account is closed",
    "store/accounts/personal_data.erase_person": "an account is closed",
    # their means of payment
    "store/accounts/payment_methods.add": "one is set up",
    "store/accounts/payment_methods.bring_up_to_date": "a card has a new number or end",
    "store/accounts/payment_methods.remove": "one is taken out",
    "store/accounts/payment_methods.remove_all": "an address is proved, and nothing from before counts",
    "store/accounts/payment_methods.verify": "one is verified; once each",
    "store/accounts/payment_methods.verify_party": "its owner is verified by it; once each",
    # keys
    "store/keys/access_keys.change": "somebody changes what one is for",
    "store/keys/access_keys.create": "one is made",
    "store/keys/access_keys.end_at": "somebody ends one",
    "store/keys/access_keys.end_bearer": "somebody ends its bearer secret",
    "store/keys/access_keys.pin_version": "its first call in JSON; once each",
    "store/keys/access_keys.revoke": "somebody revokes one",
    "store/keys/access_keys.set_bearer": "somebody wants a bearer secret",
    "store/keys/master_keys.access_key_reseal": "the master key is changed; once each",
    # the list of books
    "store/archive/archive.mark_books": "a batch of thousands has moved to the archive",
    "store/charges/charge_rules.set_dust_rule": "a seller changes a rule",
    "store/charges/charge_rules.set_smallest_charge": "a seller changes a rule",
    "store/charges/dust.advance": "a seller's day for debts of less than a cent",
    "store/events/endpoints.choose_charges": "a seller adds, changes or removes an endpoint for events",
    "store/events/low_balances.set_amount": "a seller changes a rule",
    "store/ledger/create_book.create": "a seller is opened",
    "store/ledger/create_book.create_operator_book": "the first seller of an environment is opened",
    "store/ledger/create_book.create_shard": "a seller is split",
    "store/ledger/shards.note_parts": "a seller is split",
    "store/queries/disputes.choose_settlements": "a seller changes a rule",
    "store/records/outbox.set_address": "a seller changes it",
    "store/records/outbox.set_wishes": "a seller changes them",
    "store/records/sandbox_clocks.forward": "somebody tries out a sandbox",
}
"""Statements that write a reference table, and when."""


async def test_what_is_written_all_the_time_is_unknown_to_citus(pool: Pool) -> None:
    where = await places(pool)
    assert {name: where[name] for name in HOT if where[name] is not Place.HERE} == {}


async def test_reference_tables_are_written_rarely() -> None:
    tables = "|".join(distribution.REFERENCE_TABLES)
    writing = re.compile(rf"\b(UPDATE|INSERT INTO|DELETE FROM)\s+({tables})\b")
    assert {name for name, statement in by_file().items() if writing.search(statement)} == set(RARELY)
