-- A reference that a transaction was made with is spent for ever. The row stays when its answer has gone and when the
-- transaction is archived; its key is what refuses a second one. The reference itself gives way to a digest: 120 bits, so
-- that with its length byte a key fills 32 bytes of the index.

ALTER TABLE answered_reference DROP CONSTRAINT answered_reference_pkey;
ALTER TABLE answered_reference
    ALTER COLUMN caller_reference TYPE bytea USING substring(sha256(convert_to(caller_reference, 'UTF8')), 1, 15);
ALTER TABLE answered_reference RENAME COLUMN caller_reference TO reference_digest;
ALTER TABLE answered_reference ADD CONSTRAINT answered_reference_pkey PRIMARY KEY (book_id, reference_digest);
ALTER TABLE answered_reference DROP COLUMN caller_party_id; -- always the owner of the book

-- Null where the answer is no longer kept: then the reference is known to be spent, and no more.
ALTER TABLE answered_reference ALTER COLUMN fingerprint DROP NOT NULL;

-- How often the reference was used again after its seven days, which releases before this one allowed, and a setting does.
ALTER TABLE answered_reference ADD COLUMN reuses integer;

-- Answers that were refusals are forgotten, by age. Those that stay need no index by age.
DROP INDEX answered_reference_age;
CREATE INDEX answered_reference_refused ON answered_reference (answered_at) WHERE refusal IS NOT NULL;

-- Every transaction that is still here spends its reference; deposits have none. Of several the first is named.
INSERT INTO answered_reference (book_id, reference_digest, transaction_id, answered_at, reuses)
SELECT book_id, substring(sha256(convert_to(caller_reference, 'UTF8')), 1, 15), min(transaction_id), min(received_at),
       nullif(count(*) - 1, 0)
  FROM transaction
 WHERE operation <> 'Deposit'
 GROUP BY 1, 2
    ON CONFLICT (book_id, reference_digest) DO UPDATE
   SET transaction_id = coalesce(answered_reference.transaction_id, excluded.transaction_id),
       fingerprint = CASE WHEN answered_reference.refusal IS NULL THEN answered_reference.fingerprint END,
       answered_at = CASE WHEN answered_reference.refusal IS NULL THEN answered_reference.answered_at
                          ELSE excluded.answered_at END,
       refusal = NULL, message = NULL, reuses = excluded.reuses
 WHERE answered_reference.refusal IS NOT NULL OR excluded.reuses IS NOT NULL;

-- A seller with several books: which of them a reference belongs to. Kept with the first one.
CREATE TABLE claimed_payment (
    book_id bigint NOT NULL, -- the seller's first book
    reference_digest bytea NOT NULL,
    part_book_id bigint NOT NULL,
    PRIMARY KEY (book_id, reference_digest)
);

-- All books of a seller who has several, the first one first. On the money path, where nothing is looked up.
ALTER TABLE book ADD COLUMN parts bigint[];
UPDATE book SET parts = seller.parts
  FROM (SELECT party_id, environment, currency, array_agg(book_id ORDER BY part) AS parts
          FROM book WHERE party_id IS NOT NULL
         GROUP BY party_id, environment, currency HAVING count(*) > 1) AS seller
 WHERE (book.party_id, book.environment, book.currency) = (seller.party_id, seller.environment, seller.currency);
ALTER TYPE book_rules ADD ATTRIBUTE parts bigint[];

-- Up to when housekeeping has believed the clocks: it goes on from here in small steps, whatever they say. One row.
CREATE TABLE believed_time (
    only_row boolean PRIMARY KEY,
    believed_at timestamptz NOT NULL,
    CONSTRAINT believed_time_has_one_row CHECK (only_row)
);
