-- What was not spent of a prepaid balance can go back to where it came from. Such refunds are few, and found by themselves.
CREATE INDEX transaction_unspent_refund ON transaction (book_id, instrument_id)
    WHERE operation = 'Refund' AND instrument_id IS NOT NULL AND payment_method NOT IN ('Prepaid', 'Debt');

-- A second person may be wanted for it.
ALTER TABLE approval DROP CONSTRAINT approval_deed;
ALTER TABLE approval
    ADD CONSTRAINT approval_deed CHECK (deed IN ('refund', 'settle', 'write_off', 'refund_balance'));
