-- What left the books for the archive, summed by month: a month that is in the archive has its close all the same.
CREATE TABLE archived_movement (
    book_id bigint NOT NULL,
    month date NOT NULL, -- its first day: in which it was booked, UTC, by the book's clock
    debit text NOT NULL, -- kinds of accounts
    credit text NOT NULL,
    takes_back boolean NOT NULL, -- it undid what the same transaction, or the refund that is reversed, had moved
    of_debit text NOT NULL, -- of a fee: kinds of accounts of what it was taken for; '' where there is none
    of_credit text NOT NULL,
    number bigint NOT NULL,
    amount_micros bigint NOT NULL,
    PRIMARY KEY (book_id, month, debit, credit, takes_back, of_debit, of_credit)
);
COMMENT ON TABLE archived_movement IS 'Transfers that were moved out, summed as a month''s close sums those that are here';

-- Whether its transfers are in archived_movement: those of batches from before this table, or of code from before it, are not.
ALTER TABLE archive_batch ADD COLUMN is_summed boolean NOT NULL DEFAULT false;
