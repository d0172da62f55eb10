-- A payment that is its own transfer does not say what follows from what it says, or is the same for all: columns of such a
-- payment that hold their usual values are null. Nothing that is there is rewritten; only payments of books with
-- `one_row_payments` are written so.

-- Null of such a payment: nothing went back, the caller has no share, and the recipient pays the fee, of which there is none.
ALTER TABLE transaction
    ALTER COLUMN fee_payer DROP NOT NULL,
    ALTER COLUMN marketplace_fee_micros DROP NOT NULL,
    ALTER COLUMN marketplace_refunded_micros DROP NOT NULL,
    ALTER COLUMN fee_refunded_micros DROP NOT NULL;

-- A payment whose sender_token_id is null was paid by this one of its instrument: the token that spends from it and has not taken
-- another one's place. An instrument has one, for ever.
CREATE UNIQUE INDEX token_of_payments ON token (book_id, instrument_id)
    WHERE purpose IN ('prepaid_sender', 'credit_sender') AND old_token_id IS NULL;
