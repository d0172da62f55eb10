-- Refunds that fail after they went well, and what moved at rails without an order of ours.

ALTER DOMAIN account_kind DROP CONSTRAINT account_kind_is_known;
ALTER DOMAIN account_kind ADD CONSTRAINT account_kind_is_known
    CHECK (VALUE IN ('cash', 'sales', 'fees', 'write_offs', 'fee_income', 'commissions', 'commission_income', 'prepaid',
                     'receivable', 'rail', 'owed_to', 'balance_of', 'in_dispute', 'dues', 'dispute_losses',
                     'dispute_fees', 'frozen', 'due_from', 'payouts_under_way', 'paid_out', 'payouts_due', 'rail_fees',
                     'bank', 'suspense'))
    NOT VALID; -- more than before: no row needs to be looked at

ALTER DOMAIN transaction_operation DROP CONSTRAINT transaction_operation_is_known;
ALTER DOMAIN transaction_operation ADD CONSTRAINT transaction_operation_is_known
    CHECK (VALUE IN ('FundPrepaid', 'Pay', 'SettleDebt', 'WriteOffDebt', 'Refund', 'Reserve', 'Deposit', 'Dispute',
                     'Payout', 'PayoutReturn', 'RailMovement', 'RefundReversal'))
    NOT VALID;

ALTER TABLE rail_booking DROP CONSTRAINT rail_booking_account_check;
ALTER TABLE rail_booking ADD CONSTRAINT rail_booking_account_check
    CHECK (account IN ('rail_fees', 'bank', 'suspense')) NOT VALID;

-- What came back to an instrument in this way is found without reading all that it paid.
CREATE INDEX transaction_reversal ON transaction (book_id, instrument_id) WHERE operation = 'RefundReversal';
