-- What people's own pages need.

-- A browser's session names the round in which it began: the next round signs out everywhere.
ALTER TABLE party ADD COLUMN session_round integer NOT NULL DEFAULT 0;

-- whether a token was replaced, asked for every token of a person
CREATE INDEX token_replaced ON token (book_id, old_token_id) WHERE old_token_id IS NOT NULL;
