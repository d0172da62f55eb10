-- The operator's book of an environment may be in parts: books without a party, told apart by `part` as a seller's are. Each
-- seller's book belongs to one of them for ever. The release before knows the first alone, and goes on as long as there
-- is no other.
ALTER TABLE book ADD COLUMN operator_part integer NOT NULL DEFAULT 0;
ALTER TABLE book ADD CONSTRAINT book_operator_part CHECK (operator_part >= 0);
COMMENT ON COLUMN book.operator_part IS 'Which part of the operator''s book mirrors the real money of this one';
