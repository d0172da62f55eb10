-- How a seller ($1) looks on the hosted pages. Read by branding.py.

-- name: find
-- What the seller chose, if it ever did.
SELECT display_name, accent, support_link FROM branding WHERE party_id = $1

-- name: save
-- Instead of what it chose before.
INSERT INTO branding (party_id, display_name, accent, support_link, changed_at)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (party_id) DO UPDATE SET display_name = EXCLUDED.display_name, accent = EXCLUDED.accent,
       support_link = EXCLUDED.support_link, changed_at = EXCLUDED.changed_at
