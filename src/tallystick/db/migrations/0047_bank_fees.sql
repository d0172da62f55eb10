-- Fees of the bank, each with the entry that it was booked for: one that two statements tell in other words is booked once.
CREATE TABLE bank_fee (
    book_id bigint NOT NULL, -- the operator's
    day date NOT NULL,
    fee_micros bigint NOT NULL, -- below 0: the bank gave a fee back
    number integer NOT NULL CHECK (number > 0), -- among the fees of that day and amount
    entry_id text COLLATE "C" NOT NULL,
    account text NOT NULL, -- the last four of the statement that told it first
    PRIMARY KEY (book_id, day, fee_micros, number)
);
COMMENT ON TABLE bank_fee IS 'Which entries of bank statements have a fee of their own; the others repeat one in other words';
CREATE UNIQUE INDEX bank_fee_of_entry ON bank_fee (book_id, entry_id);

INSERT INTO bank_fee (book_id, day, fee_micros, number, entry_id, account)
SELECT book_id, day, amount_micros, row_number() OVER (PARTITION BY book_id, day, amount_micros ORDER BY movement_id),
       movement_id, account
  FROM (SELECT DISTINCT ON (booking.book_id, booking.movement_id) booking.book_id, entry.day, booking.amount_micros,
               booking.movement_id, statement.account
          FROM rail_booking AS booking
          JOIN bank_entry AS entry
            ON entry.book_id = booking.book_id AND split_part(entry.entry_id, '/', 1) = booking.movement_id
          JOIN bank_statement AS statement
            ON statement.book_id = entry.book_id AND statement.statement_id = entry.statement_id
         WHERE booking.rail = 'bank' AND booking.account = 'rail_fees'
         ORDER BY booking.book_id, booking.movement_id, entry.entry_id) AS booked;
