-- Keys that signed payments which are decided from memory, each with the version of its row: one array of rows instead of two.
CREATE TYPE remembered_key AS (access_key_id text, version xid);
