-- Delivery of what the outbox holds. Events are written in the money's own commit, with their destination: an event that
-- nobody wants to hear of is marked then and there, and is in no index below.
-- occurred_at is the book's time and may be ahead (test clock); announced_at and due_at are real time, since receivers
-- and their troubles are real.

ALTER TABLE outbox
    ADD COLUMN state text NOT NULL DEFAULT 'unwanted' CHECK (state IN ('waiting', 'delivered', 'dead', 'unwanted')),
    ADD COLUMN destination text, -- notification_url of the request, else the seller's own at that moment
    ADD COLUMN announced_at timestamptz, -- from when on the tries count; a replay starts anew
    ADD COLUMN due_at timestamptz, -- when to try (again); also the lease of the worker that tries
    ADD COLUMN attempts integer NOT NULL DEFAULT 0, -- begun, whether or not their end is known
    ADD COLUMN message text, -- the signed form as first built: every try sends the same; gone once delivered
    ADD COLUMN last_error text, -- of the latest try that failed, for people
    ADD CONSTRAINT waiting_is_addressed CHECK (
        state <> 'waiting' OR (destination IS NOT NULL AND announced_at IS NOT NULL AND due_at IS NOT NULL));

-- what is due in a book, and whether an earlier event of the same subject still waits
CREATE INDEX outbox_due ON outbox (book_id, due_at) WHERE state = 'waiting';
CREATE INDEX outbox_order ON outbox (book_id, subject_id, event_id) WHERE state = 'waiting';
CREATE INDEX outbox_dead ON outbox (book_id, event_id) WHERE state = 'dead';

-- what a seller wants to hear of
ALTER TABLE book
    ADD COLUMN notify_immediate boolean NOT NULL DEFAULT true, -- also results that the answer to the request gave already
    ADD COLUMN notify_write_offs boolean NOT NULL DEFAULT true;
