-- Sessions of browsers. Read by web_sessions.py. $1 is the session's key, except where said otherwise.

-- name: load
-- Unless it has ended by $2.
SELECT data, began_at, seen_at FROM web_session WHERE session_key = $1 AND expires_at > $2

-- name: mark_seen
-- Used at $2: it lasts until $3. Not computed here from began_at: Citus takes no sum of a column and an interval, which
-- depends on the session's time zone.
UPDATE web_session SET seen_at = $2, expires_at = $3 WHERE session_key = $1

-- name: save
-- A new one, or a known one with other content. Only sessions of somebody ($4) are marked as seen.
INSERT INTO web_session (session_key, data, expires_at, party_id, began_at, seen_at, user_agent)
VALUES ($1, $2, $3, $4, $5, CASE WHEN $4::bigint IS NOT NULL THEN $7::timestamptz END, $6)
    ON CONFLICT (session_key) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at

-- name: end
-- One browser is signed out.
DELETE FROM web_session WHERE session_key = $1

-- name: of_party
-- Those of the party $1 that have not ended by $2, the one used last first.
SELECT session_key, began_at, seen_at, user_agent
  FROM web_session
 WHERE party_id = $1 AND expires_at > $2
 ORDER BY seen_at DESC

-- name: end_of_party
-- All of the party $1, or the one with the key $2.
DELETE FROM web_session WHERE party_id = $1 AND ($2::text IS NULL OR session_key = $2)

-- name: end_all
-- Everybody is signed out.
DELETE FROM web_session

-- name: ends_at
-- When it ends, or ended.
SELECT expires_at FROM web_session WHERE session_key = $1

-- name: sweep
-- What has ended by $1.
DELETE FROM web_session WHERE expires_at <= $1
