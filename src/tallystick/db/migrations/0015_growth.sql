-- What payments cost as the books grow.

-- The transactions of an instrument. Charges of many instruments come by turns, so each lands somewhere else in this
-- index: what counts is how many pages there are to touch. A digest instead of 64 characters and the first six characters
-- of the id, which are a quarter of an hour, make them a quarter; equal ones, of instruments that are charged often, are
-- stored once. Within a quarter of an hour, rows are sorted when they are read. ledger/README.md, Indexes.
DROP INDEX transaction_instrument;
CREATE INDEX transaction_of_instrument ON transaction (hashtextextended(instrument_id, 0), left(transaction_id, 6))
    WHERE instrument_id IS NOT NULL;

-- Tables that lose as many rows as they get are swept before a fifth of them is dead.
ALTER TABLE answered_reference SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE rail_request SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
