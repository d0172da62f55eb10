"""Which command leaves which row in the audit log, in an order in which all can be run; or why a command leaves none.

A command that stands in neither table fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Deed:
    """A command as it is typed, and the kind of row that it leaves. What stands in braces is put in by the test.

    Words before the first option are the command's name. `typed`: what it reads from standard input.
    """

    command: str
    action: str
    typed: str = ""

    @property
    def name(self) -> str:
        return self.command.partition(" -")[0].partition(" {")[0]


ACTION_WORDS: Final = (
    Deed("archive --before {day} --directory {directory}", "books.archive"),
    Deed("account create --kind business --email other@shop.example --name Other", "account.open"),
    Deed("account create --kind personal --email {person} --name Ann", "account.open"),
    Deed("account set-password --account {person} --password-stdin", "account.password", "tally sticks come in two\n"),
    Deed("account second-factor reset {colleague}", "account.second_factor_reset"),
    Deed("account set-logo --account {shop} --file {logo}", "branding.change"),
    Deed("account set-logo --account {shop} --remove", "branding.change"),
    Deed("account charges --account {shop} --smallest 0.000001", "charges.smallest"),
    Deed("account charges --account {shop} --dust round", "charges.dust"),
    Deed("account charges --account {shop} --low-balance 5.00", "events.low_balance"),
    Deed("account split --account {shop} --parts 2", "account.split"),
    Deed("operator split --environment live --parts 2", "operator.split"),
    Deed("account standing --account {person} --email-verified", "account.verify_email"),
    Deed("account standing --account {person} --email-unverified", "account.unverify_email"),
    Deed("account standing --account {person} --verified", "account.verify"),
    Deed("account standing --account {person} --unverified", "account.unverify"),
    Deed("account standing --account {person} --deny", "account.hold"),
    Deed("account standing --account {person} --allow", "account.release"),
    Deed("account standing --account {shop} --no-cards", "account.no_cards"),
    Deed("account standing --account {shop} --cards", "account.cards"),
    Deed("account standing --account {shop} --no-marketplace", "account.no_marketplace"),
    Deed("account standing --account {shop} --marketplace", "account.marketplace"),
    Deed("keys create --account {shop}", "key.create"),
    Deed("keys make --account {shop} --scope read --network 10.1.0.0/16 --expires 90d", "key.create"),
    Deed("keys change --account {shop} --key {key} --scope read --network any", "key.change"),
    Deed("keys bearer --account {shop} --key {key}", "key.change"),
    Deed("keys end-bearer --account {shop} --key {key}", "key.change"),
    Deed("keys rotate --account {shop} --key {key}", "key.rotate"),
    Deed("keys revoke --account {shop} --key {key}", "key.revoke"),
    Deed("keys rotate-signing", "operator.signing_key"),
    Deed("keys rotate-signing", "operator.signing_key"),
    Deed("keys destroy-signing", "operator.signing_key_destroy"),
    Deed("keys revoke-signing --name {day_of_key}", "operator.signing_key_revoke"),
    Deed("keys register-certificate --account {shop} --file {certificate}", "certificate.register"),
    Deed("keys revoke-certificate --account {shop} --fingerprint {fingerprint}", "certificate.revoke"),
    Deed("hosts claim --by-file --account {shop} music.example", "host.ask"),
    Deed("hosts claim --account {shop} music.example", "host.claim"),
    Deed("hosts allow --account {shop} --seller other@shop.example music.example", "host.allow"),
    Deed("hosts disallow --account {shop} --seller other@shop.example music.example", "host.disallow"),
    Deed("hosts release --account {shop} music.example", "host.release"),
    Deed("staff add --account {shop} --person {person} --role owner", "staff.add"),
    Deed("staff add --account {shop} --person {colleague} --role viewer", "staff.add"),
    Deed("staff add --account {shop} --person {colleague} --role finance", "staff.role"),
    Deed("staff remove --account {shop} --person {colleague}", "staff.remove"),
    Deed("operators add --person {person}", "operator.add"),
    Deed("operators remove --person {person}", "operator.remove"),
    Deed("balance refund --account {shop} {balance} --amount 1.00", "money.refund_balance"),
    Deed("balance redemption --account {shop} 10.00", "balance.redemption"),
    Deed("pay --account {shop} {balance} 0.50", "money.pay"),
    Deed("fund --account {shop} {balance} 1.00 --wait 0", "money.fund"),
    Deed("settle --account {shop} {tab} --amount 0.50 --wait 0", "money.settle"),
    Deed("refund --account {shop} {payment} --amount 0.25", "money.refund"),
    Deed("payout make --account {shop} 1.00", "money.payout"),
    Deed("payout sent {payout} --reference B-1", "payout.sent"),
    Deed("payout returned {payout} --reason closed", "payout.returned"),
    Deed("payout failed {other_payout} --reason closed", "payout.failed"),
    Deed("payout file --to {payout_file}", "payout.file"),
    Deed("rails end {lost_order} --reason lost", "rail.end_order"),
    Deed("reconcile --rail simulated --environment sandbox", "rail.reconcile"),
    Deed("reconcile --statement {statement} --environment sandbox", "bank.statement"),
    Deed("clock forward --account {shop} --by '1 day'", "clock.forward"),
    Deed("webhooks add --account {shop} https://shop.example/events", "webhook.create"),
    Deed("webhooks enable {endpoint} --account {shop}", "webhook.change"),
    Deed("webhooks rotate {endpoint} --account {shop}", "webhook.rotate"),
    Deed("webhooks test {endpoint} --account {shop}", "webhook.test"),
    Deed("webhooks replay {endpoint} --account {shop}", "webhook.replay"),
    Deed("webhooks remove {endpoint} --account {shop}", "webhook.remove"),
    Deed("ipn set-url --account {shop} https://shop.example/ipn", "notification.settings"),
    Deed("ipn set-url --account {shop} --no-immediate", "notification.settings"),
    Deed("ipn replay {event}", "notification.replay"),
    Deed("ipn replay --dead --account {shop}", "notification.replay_dead"),
    Deed("sandbox dispute {charge} --opened", "sandbox.dispute"),
    Deed("disputes settlements --account {shop} loss", "disputes.settlements"),
    Deed("sandbox fault order --account {shop} --meets refund --outcome pending", "fault.order"),
    Deed("sandbox fault remove --account {shop} {waiting_fault}", "fault.remove"),
    Deed("sandbox fault release --account {shop} {holding_fault}", "fault.release"),
    Deed("sandbox deposit --buyer {person} 5.00", "account.test_money"),
    Deed("account standing --account {person} --status suspended", "account.suspend"),
    Deed("account standing --account {person} --status active", "account.reactivate"),
    Deed("account standing --account {person} --status closed", "account.close"),
)
"""Everything that commands change, once for each kind of row."""

IN_OTHER_TESTS: Final[Mapping[str, str]] = {
    "balance.redeem": "a buyer's own deed: tests/stories/pages/account/test_redemption.py",
    "live.open": "it needs a payment provider for real money: tests/stories/pages/admin/test_live_books.py",
    "money.write_off_dust": "the worker's: tests/services/charges/test_dust.py",
    "operator.master_key": "an exchange takes half a minute",
    "operator.master_key_forget": "it needs a master key that was exchanged",
}
"""Kinds of rows that tests/services/operations/test_master_keys.py looks for, and why they are not made here."""

LOOKS: Final = "it only looks"
RUNS: Final = "it runs the service: what is done there is written down where it is done"
OWN_DATABASE: Final = "it works on a database that it has made for itself"
MACHINES: Final = "it changes how the database keeps its rows, and none of them"

WITHOUT: Final[Mapping[str, str]] = {
    "serve": RUNS,
    "worker": RUNS,
    "demo": OWN_DATABASE,
    "bench": OWN_DATABASE,
    "torture": OWN_DATABASE,
    "dev screenshots": OWN_DATABASE,
    "migrate": MACHINES,
    "db distribute": MACHINES,
    "db rebalance": MACHINES,
    "master-key status": LOOKS,
    "master-key rotate": "it takes half a minute; tests/services/operations/test_master_keys.py looks for its row",
    "master-key forget": "it needs two keys in a file; tests/services/operations/test_master_keys.py looks for its row",
    "live status": LOOKS,
    "rails list": LOOKS,
    "live open": "it needs a payment provider for real money; tests/stories/pages/admin/test_live_books.py has its row",
    "verify": LOOKS,
    "init": "it writes a file, and knows no database",
    "completion": "it prints a script, and knows no database",
    "config check": LOOKS,
    "config show": LOOKS,
    "doctor": LOOKS,
    "upgrade": MACHINES,
    "balance": LOOKS,
    "month-close": LOOKS,
    "backup": LOOKS,
    "backup run": LOOKS,
    "backup check": LOOKS,
    "backup list": LOOKS,
    "backup end": "it lets go of the database's log, and changes no row",
    "restore": OWN_DATABASE,
    "db roles": "it changes what a role of the database may do, and no row",
    "audit verify": LOOKS,
    "audit export": LOOKS,
    "account list": LOOKS,
    "keys list": LOOKS,
    "keys list-certificates": LOOKS,
    "keys list-signing": LOOKS,
    "hosts list": LOOKS,
    "staff list": LOOKS,
    "operators list": LOOKS,
    "clock show": LOOKS,
    "payout list": LOOKS,
    "ipn list": LOOKS,
    "listen": LOOKS,
    "webhooks list": LOOKS,
    "webhooks log": LOOKS,
    "webhooks check": LOOKS,
    "disputes list": LOOKS,
    "ipn listen": "it receives what others send, and keeps nothing",
    "archive check": LOOKS,
    "archive references": "it keeps what the archive says anyway, and no choice of anybody is in it",
    "sandbox authorize": "it is a buyer on the hosted pages, whose own deed is kept with the authorization",
    "sandbox fault list": LOOKS,
    "sandbox sign": "it signs a text, and sends nothing",
    "sandbox button": "it signs a text, and sends nothing",
}
"""Every other command, and why it leaves none."""
