-- A prepaid balance that falls below an amount of the seller's own is an event, once until it has risen.

ALTER TABLE book
    ADD COLUMN low_balance_micros bigint CHECK (low_balance_micros > 0), -- below this a balance is low; null: none ever is
    ADD COLUMN low_balance_since timestamptz; -- real time at which the seller said so

-- How far the worker has looked at what moved in a book; its lock is held while one looks.
CREATE TABLE low_balance_look (
    book_id bigint PRIMARY KEY,
    amount_micros bigint, -- what it looked with, and since when: another one begins anew
    amount_since timestamptz,
    begun_at timestamptz, -- the book's time at which it began with that
    looked_until timestamptz -- the book's time
);
COMMENT ON TABLE low_balance_look IS 'How far balances that fall below an amount have been looked for';

-- Balances that have been below the amount since it was said. Of those that are not here, the ones from before were not.
CREATE TABLE low_balance (
    book_id bigint NOT NULL,
    instrument_id text COLLATE "C" NOT NULL,
    is_low boolean NOT NULL,
    risen_at timestamptz, -- the book's time of the last top-up that lifted it above by itself and has been considered
    PRIMARY KEY (book_id, instrument_id)
);
COMMENT ON TABLE low_balance IS 'Which balances have been below the amount that their seller is told of';
