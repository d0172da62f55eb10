-- Notes that a seller's staff make about a customer, for their colleagues.

CREATE TABLE customer_note (
    book_id bigint NOT NULL, -- the seller's first in this environment
    note_id text COLLATE "C" NOT NULL,
    buyer_party_id bigint NOT NULL,
    written_by bigint NOT NULL,
    written_at timestamptz NOT NULL,
    content text NOT NULL CHECK (char_length(content) BETWEEN 1 AND 2000),
    PRIMARY KEY (book_id, note_id)
);
CREATE INDEX customer_note_of_buyer ON customer_note (book_id, buyer_party_id, written_at);
CREATE INDEX customer_note_about ON customer_note (buyer_party_id); -- of a person, over all books
COMMENT ON TABLE customer_note IS 'What staff wrote down about a customer';
