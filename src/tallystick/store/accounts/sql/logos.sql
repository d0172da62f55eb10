-- The logos of sellers. Read by logos.py. $1 is the seller, except in `find`.

-- name: save
-- Instead of the one before.
INSERT INTO logo (party_id, digest, media_type, picture, saved_at)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (party_id) DO UPDATE SET digest = excluded.digest, media_type = excluded.media_type,
       picture = excluded.picture, saved_at = excluded.saved_at

-- name: remove
-- None any more.
DELETE FROM logo WHERE party_id = $1

-- name: digest_of
-- What the seller's logo is found by.
SELECT digest FROM logo WHERE party_id = $1

-- name: find
-- The picture with the digest $1, whoever has it: the same one may be several sellers'.
SELECT media_type, picture FROM logo WHERE digest = $1 LIMIT 1
