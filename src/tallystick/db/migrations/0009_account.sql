-- What a person's own pages read quickly however many purchases there are.

-- The few transactions of an instrument that are no purchases and no refunds: what brought money in, settled or forgave.
-- Charges, which are many, are not in it, so it costs the money path nothing. Everything of an instrument that is slow
-- is in it: purchases are decided at once.
CREATE INDEX transaction_rare ON transaction (book_id, instrument_id, completed_at)
    WHERE operation IN ('FundPrepaid', 'SettleDebt', 'WriteOffDebt');
