-- What payments cost as the books grow: transfers.

-- Ids of transactions begin with their time, so with them in front this index grows at its end alone and its pages are full.
-- With the book in front, each book grew in the middle, where pages are split in halves and the older half is never filled.
-- Nobody asks for a range of transfers of a book: both columns are always given.
ALTER TABLE transfer DROP CONSTRAINT transfer_pkey;
ALTER TABLE transfer ADD CONSTRAINT transfer_pkey PRIMARY KEY (transaction_id, book_id, number);

-- References are looked up, never sorted for people: bytes are compared quickest, and no update of a system's locales can
-- change their order, on which it depends that a reference is found again.
ALTER TABLE answered_reference ALTER COLUMN caller_reference TYPE text COLLATE "C";

-- Written for each authorization, asked by nobody: a sender's own view goes over all books.
DROP INDEX instrument_sender;

-- Requests are forgotten in the order in which they came, as answers are: 0011.
DROP INDEX kept_request_by_age;
CREATE INDEX kept_request_by_age ON kept_request USING brin (received_at) WITH (autosummarize = on);
ALTER TABLE kept_request SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
