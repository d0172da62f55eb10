-- The language that somebody reads, for their pages and for mail to them; null: nobody knows yet.
ALTER TABLE party ADD COLUMN language text CHECK (language ~ '^[a-z]{2,3}$');
