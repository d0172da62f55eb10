"""Which problems of an endpoint are provoked elsewhere, and why."""

from __future__ import annotations

BY_THE_SAME_RULES = frozenset(
    {
        "account_limit_exceeded",
        "account_not_verified",
        "authorization_does_not_allow_this",
        "buyer_is_recipient",
        "buyer_not_verified",
        "payment_method_invalid",
        "payment_method_missing",
        "payment_method_not_active",
        "recipient_not_verified",
        "recipient_takes_no_cards",
        "transaction_denied",
    }
)
"""What only the rules of the books can say: tests/stories/api/causes provoke these through the same use cases."""

ELSEWHERE: dict[tuple[str, str], str] = {
    ("authorizations.cancel", "authorization_not_active"): "what is cancelled already is answered, not refused",
    ("authorizations.cancel", "concurrent_modification"): "as for charges",
    ("sandbox.authorize", "not_found"): "needs a key of a live environment",
    ("sandbox.faults", "not_found"): "needs a key of a live environment",
    ("sandbox.order_fault", "not_found"): "needs a key of a live environment",
    ("sandbox.clock", "not_found"): "needs a key of a live environment",
    ("sandbox.forward_clock", "not_found"): "needs a key of a live environment",
    ("sandbox.forward_clock", "clock_moved"): "needs two that move it at the same moment",
    ("charges.create", "authorization_not_for_this"): "what has no instrument is a matter of the rules: see causes",
    ("charges.refund", "insufficient_balance"): "a seller without cash who gives back real money: see causes",
    ("top_ups.refund", "insufficient_balance"): "a seller without cash who gives back real money: see causes",
    ("refunds.create", "insufficient_balance"): "a seller without cash who gives back real money: see causes",
    **{
        ("reservations.create", code): "the rules are those of charges with a token: see causes"
        for code in (
            "account_not_reachable",
            "authorization_expired",
            "authorization_limit_exceeded",
            "authorization_used_up",
            "concurrent_modification",
            "insufficient_balance",
            "payment_method_not_card",
        )
    },
    **{
        (f"reservations.{verb}", code): "the rules are those of Settle and Cancel: see causes"
        for verb, codes in (
            (
                "capture",
                (
                    "account_barred",
                    "amount_out_of_range",
                    "insufficient_balance",
                    "transaction_failed",
                    "transaction_not_complete",
                ),
            ),
            ("release", ()),
        )
        for code in ("concurrent_modification", *codes)
    },
    ("settlements.create", "authorization_expired"): "debts are settled after the end, too",
}
"""Which problems of an endpoint are not provoked here, and why."""
