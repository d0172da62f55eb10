-- The books. Every table is distributed by book_id: it leads each primary key and each unique index, every statement
-- on the money path names one book_id, nothing refers to another book, and there are no sequences and no triggers.
-- Balances are debits less credits, so the accounts of a book always sum to zero.

CREATE TABLE account (
    book_id bigint NOT NULL,
    account_id bigint NOT NULL, -- derived from kind and subject: domain/accounts.py
    kind text NOT NULL CHECK (kind IN ('cash', 'sales', 'fees', 'write_offs', 'fee_income', 'commissions',
                                       'commission_income', 'prepaid', 'receivable',
                                       'rail', 'owed_to', 'balance_of')),
    subject text NOT NULL DEFAULT '', -- instrument id, party id or rail name; '' for the totals of the book
    balance_micros bigint NOT NULL DEFAULT 0,
    floor_micros bigint, -- second guard: receivables never below 0
    ceiling_micros bigint, -- second guard: liabilities never above 0, receivables never above the credit limit
    PRIMARY KEY (book_id, account_id),
    UNIQUE (book_id, kind, subject),
    CONSTRAINT account_within_bounds CHECK (balance_micros >= floor_micros AND balance_micros <= ceiling_micros)
) WITH (fillfactor = 70); -- room for updates in place

CREATE TABLE instrument (
    book_id bigint NOT NULL,
    instrument_id text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN ('prepaid', 'credit')),
    account_id bigint NOT NULL,
    sender_party_id bigint NOT NULL,
    limit_micros bigint NOT NULL CHECK (limit_micros > 0), -- prepaid: funding limit; credit: most owed at one time
    total_limit_micros bigint CHECK (total_limit_micros > 0), -- credit: most charged over the whole life
    charged_micros bigint NOT NULL DEFAULT 0 CHECK (charged_micros >= 0), -- credit: charged so far, refunds not taken off
    pending_micros bigint NOT NULL DEFAULT 0 CHECK (pending_micros >= 0), -- prepaid: on its way in; credit: being settled
    valid_from timestamptz NOT NULL,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (book_id, instrument_id),
    FOREIGN KEY (book_id, account_id) REFERENCES account,
    CONSTRAINT charged_within_total CHECK (charged_micros <= total_limit_micros)
) WITH (fillfactor = 80);
CREATE INDEX instrument_sender ON instrument (book_id, sender_party_id);
CREATE INDEX instrument_of_sender ON instrument (sender_party_id); -- a sender's own view, over all books

CREATE TABLE token (
    book_id bigint NOT NULL,
    token_id text COLLATE "C" NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('prepaid_sender', 'funding', 'credit_sender', 'settlement', 'sender',
                                             'recipient', 'installed')),
    token_type text NOT NULL DEFAULT 'MultiUse'
        CHECK (token_type IN ('SingleUse', 'MultiUse', 'Recurring', 'Unrestricted')),
    instrument_id text COLLATE "C", -- the tokens of prepaid and credit instruments
    sender_party_id bigint NOT NULL, -- who gave the token; of a recipient token, the recipient
    caller_reference text NOT NULL, -- the space of token references: lasts for ever, unlike money references
    friendly_name text,
    old_token_id text, -- the token that this one replaced
    payment_method text CHECK (payment_method IN ('ABT', 'CC', 'ACH')), -- where real money comes from
    payment_method_id bigint, -- which card or bank account
    payment_reason text,
    terms jsonb NOT NULL DEFAULT '{}', -- amounts, recipients and fees agreed to: ledger/token_terms.py
    usage_limits jsonb NOT NULL DEFAULT '[]', -- limits with what is used of them: ledger/usage_limits.py
    instruction text, -- the GateKeeper text, where one was installed
    used_by text COLLATE "C", -- the transaction that used a single-use token
    valid_from timestamptz NOT NULL,
    expires_at timestamptz,
    cancelled_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (book_id, token_id),
    UNIQUE (book_id, caller_reference),
    FOREIGN KEY (book_id, instrument_id) REFERENCES instrument,
    CHECK ((instrument_id IS NULL) = (purpose IN ('sender', 'recipient', 'installed')))
) WITH (fillfactor = 80);
CREATE INDEX token_instrument ON token (book_id, instrument_id);
CREATE INDEX token_of_sender ON token (sender_party_id); -- a sender's own view, over all books

CREATE TABLE transaction (
    book_id bigint NOT NULL,
    transaction_id text COLLATE "C" NOT NULL, -- time-ordered
    operation text NOT NULL CHECK (operation IN ('FundPrepaid', 'Pay', 'SettleDebt', 'WriteOffDebt', 'Refund', 'Reserve',
                                                 'Deposit')),
    status text NOT NULL CHECK (status IN ('Success', 'Pending', 'Failure', 'Reserved', 'Cancelled')),
    status_code text NOT NULL,
    status_message text,
    amount_micros bigint NOT NULL CHECK (amount_micros > 0),
    fee_micros bigint NOT NULL DEFAULT 0, -- negative in a refund: what the service gives back
    fee_payer text NOT NULL DEFAULT 'Recipient' CHECK (fee_payer IN ('Recipient', 'Caller')),
    marketplace_fee_micros bigint NOT NULL DEFAULT 0, -- the caller's share; negative in a refund
    marketplace_refunded_micros bigint NOT NULL DEFAULT 0, -- of the share: what the caller gave back to the recipient
    refunded_micros bigint NOT NULL DEFAULT 0,
    payment_method text NOT NULL CHECK (payment_method IN ('ABT', 'CC', 'ACH', 'Debt', 'Prepaid')),
    sender_party_id bigint,
    sender_token_id text,
    instrument_id text COLLATE "C",
    recipient_party_id bigint, -- null: the owner of the book
    recipient_token_id text,
    original_id text COLLATE "C", -- a refund: the transaction being reversed
    caller_reference text NOT NULL,
    caller_description text,
    sender_description text,
    notification_url text, -- OverrideIPNURL
    requested_at timestamptz NOT NULL, -- the Timestamp of the request
    received_at timestamptz NOT NULL, -- by the book's clock
    completed_at timestamptz,
    status_number smallint NOT NULL DEFAULT 1, -- how many statuses it came to
    reserved_until timestamptz, -- a reservation ends by itself
    times_out_at timestamptz, -- TransactionTimeoutInMins
    PRIMARY KEY (book_id, transaction_id),
    CONSTRAINT refunded_within_amount CHECK (refunded_micros BETWEEN 0 AND amount_micros),
    CONSTRAINT share_refunded_within_share CHECK (
        marketplace_refunded_micros BETWEEN 0 AND greatest(marketplace_fee_micros, 0)),
    CONSTRAINT completed_when_final CHECK ((completed_at IS NULL) = (status IN ('Pending', 'Reserved')))
) WITH (fillfactor = 95);
CREATE INDEX transaction_instrument ON transaction (book_id, instrument_id, transaction_id);
CREATE INDEX transaction_token ON transaction (book_id, sender_token_id) WHERE instrument_id IS NULL;
CREATE INDEX transaction_reserved ON transaction (reserved_until) WHERE status = 'Reserved';
CREATE INDEX transaction_of_recipient ON transaction (recipient_party_id, transaction_id)
    WHERE recipient_party_id IS NOT NULL; -- a recipient's own view, over all books
CREATE INDEX transaction_original ON transaction (book_id, original_id) WHERE original_id IS NOT NULL;

CREATE TABLE transfer (
    book_id bigint NOT NULL,
    transaction_id text COLLATE "C" NOT NULL,
    number smallint NOT NULL, -- within its transaction and book, from 1
    debit_account bigint NOT NULL,
    credit_account bigint NOT NULL,
    amount_micros bigint NOT NULL CHECK (amount_micros > 0),
    booked_at timestamptz NOT NULL,
    PRIMARY KEY (book_id, transaction_id, number),
    CHECK (debit_account <> credit_account)
);
-- cash is account 1 of a book: its few movements give the balance after each transaction
CREATE INDEX transfer_cash ON transfer (book_id, booked_at) WHERE debit_account = 1 OR credit_account = 1;

CREATE TABLE transaction_step (
    book_id bigint NOT NULL,
    transaction_id text COLLATE "C" NOT NULL,
    number smallint NOT NULL, -- from 2: the first status is Pending when received, and needs no row
    status text NOT NULL,
    status_code text NOT NULL,
    amount_micros bigint NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (book_id, transaction_id, number)
);
COMMENT ON TABLE transaction_step IS 'How transactions that take their time went on; those decided at once have none';

CREATE TABLE answered_reference (
    book_id bigint NOT NULL,
    caller_party_id bigint NOT NULL,
    caller_reference text NOT NULL,
    fingerprint bytea NOT NULL, -- of the action and its business parameters
    transaction_id text, -- null: the request was refused
    status text, -- as first answered
    refusal text,
    message text,
    answered_at timestamptz NOT NULL,
    PRIMARY KEY (book_id, caller_party_id, caller_reference),
    CHECK ((transaction_id IS NULL) = (refusal IS NOT NULL))
);
CREATE INDEX answered_reference_age ON answered_reference (answered_at);

CREATE TABLE outbox (
    book_id bigint NOT NULL,
    event_id text COLLATE "C" NOT NULL, -- time-ordered within its subject
    kind text NOT NULL CHECK (kind IN ('TransactionStatus', 'TokenCancellation')),
    subject_id text NOT NULL, -- transaction or token
    status text, -- of the transaction when this happened
    status_code text,
    notification_url text,
    occurred_at timestamptz NOT NULL,
    delivered_at timestamptz,
    PRIMARY KEY (book_id, event_id)
);

CREATE TABLE rail_request (
    book_id bigint NOT NULL,
    transaction_id text COLLATE "C" NOT NULL, -- with the operation, the rail's idempotency key
    rail text NOT NULL,
    operation text NOT NULL DEFAULT 'charge'
        CHECK (operation IN ('charge', 'authorize', 'capture', 'void', 'refund')),
    amount_micros bigint NOT NULL CHECK (amount_micros > 0),
    payment_method_id bigint NOT NULL,
    earlier_id text COLLATE "C", -- what is captured, voided or refunded
    opened_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL, -- when the worker should (again) ask; also its lease while it does
    attempts integer NOT NULL DEFAULT 0,
    PRIMARY KEY (book_id, transaction_id, operation)
);
COMMENT ON TABLE rail_request IS 'Intents committed before a rail is called; gone once the result is in the books';
CREATE INDEX rail_request_due ON rail_request (due_at);
