"""All that was booked, as tests that add up themselves read it: the twin of the part of the same name in shared.sql."""

from typing import Final

BOOKED: Final = (
    "(SELECT book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at FROM transfer"
    " UNION ALL"
    " SELECT book_id, transaction_id, 1, own_debit_account, 2, amount_micros, received_at"
    "   FROM transaction WHERE own_debit_account IS NOT NULL) AS booked"
)
"""Account 2 is the seller's sales."""
