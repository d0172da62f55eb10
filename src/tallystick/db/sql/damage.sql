-- Pages that cannot be read: whose they are, and whether there are any. Read by damage.py.

-- name: relation_of_file
-- The table or index whose file has the number $1, and the table that it belongs to; no row: there is none.
SELECT relation.relname AS name, coalesce(indexed.relname, toasted.relname, relation.relname) AS table_name,
       relation.relkind = 'i' AS is_index
  FROM pg_class AS relation
  LEFT JOIN pg_index ON pg_index.indexrelid = relation.oid
  LEFT JOIN pg_class AS indexed ON indexed.oid = pg_index.indrelid
  LEFT JOIN pg_class AS toasted ON toasted.reltoastrelid = relation.oid
 WHERE pg_relation_filenode(relation.oid) = $1

-- name: failures
-- How many pages with a wrong checksum were met in this database, by whomever; 0 where it has no checksums.
SELECT coalesce(sum(checksum_failures), 0)::bigint FROM pg_stat_database WHERE datname = current_database()

-- name: tables
-- The tables of the schema that we use, and may read; on Citus without the shards of which they consist.
SELECT relname::text
  FROM pg_class
 WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND has_table_privilege(oid, 'SELECT')
   AND relname !~ '/* part: shard_suffix */'
 ORDER BY relname

-- name: read_table
-- Reads every row of one table, whose name is put in: no index can answer for it.
SELECT count(whole) FROM /* table */ AS whole
