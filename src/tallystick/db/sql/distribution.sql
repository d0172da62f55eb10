-- What Citus has to be told about the schema, and what it would refuse of it. Read by distribution.py. $1: the tables of
-- books, which are distributed; $2: the reference tables, of which every machine has a copy.

-- name: tables_of_books
-- Every table with a book_id is a part of a book, except the list of books itself. Our sessions see shards, too.
SELECT pg_class.relname
  FROM pg_class
  JOIN pg_attribute ON pg_attribute.attrelid = pg_class.oid AND pg_attribute.attname = 'book_id'
 WHERE pg_class.relkind = 'r' AND pg_class.relnamespace = current_schema()::regnamespace AND pg_class.relname <> 'book'
   AND pg_class.relname !~ '/* part: shard_suffix */'
 ORDER BY pg_class.relname

-- name: foreign_keys
-- Foreign keys at either end of which is a table that moves.
SELECT conrelid::regclass::text AS owner, conname AS name, pg_get_constraintdef(oid) AS definition
  FROM pg_constraint
 WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
   AND (conrelid::regclass::text = ANY($1::text[] || $2::text[]) OR confrelid::regclass::text = ANY($1::text[] || $2::text[]))
 ORDER BY 1, 2

-- name: types
-- Row types of our own that statements of the money path have in their arguments.
SELECT pg_type.oid::regtype::text AS name,
       (SELECT string_agg(format('%I %s%s', attname, format_type(atttypid, atttypmod),
                                 CASE WHEN attcollation <> typcollation
                                      THEN ' COLLATE ' || attcollation::regcollation::text ELSE '' END), ', '
                          ORDER BY attnum)
          FROM pg_attribute JOIN pg_type AS of_column ON of_column.oid = atttypid
         WHERE attrelid = pg_class.oid) AS columns
  FROM pg_type
  JOIN pg_class ON pg_class.oid = pg_type.typrelid AND pg_class.relkind = 'c'
 WHERE pg_type.typnamespace = current_schema()::regnamespace
 ORDER BY 1

-- name: obstacles
-- What Citus refuses, or what would make it slow: one row of text each.
SELECT format('%s: the unique index %s does not hold book_id', indrelid::regclass, indexrelid::regclass)
  FROM pg_index
 WHERE indisunique AND indrelid::regclass::text = ANY($1::text[])
   AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = indrelid AND attname = 'book_id' AND attnum = ANY(indkey))
UNION ALL
SELECT format('%s: there is no primary key', pg_class.oid::regclass)
  FROM pg_class
 WHERE pg_class.oid::regclass::text = ANY($1::text[] || $2::text[]) AND relkind = 'r'
   AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)
UNION ALL
SELECT format('%s: the foreign key %s leads to another book, or out of the books', conrelid::regclass, conname)
  FROM pg_constraint
 WHERE contype = 'f' AND conrelid::regclass::text = ANY($1::text[])
   AND NOT (confrelid::regclass::text = ANY($1::text[])
            AND EXISTS (SELECT FROM unnest(conkey, confkey) AS pair (here, there)
                          JOIN pg_attribute AS own ON own.attrelid = conrelid AND own.attnum = here
                          JOIN pg_attribute AS other ON other.attrelid = confrelid AND other.attnum = there
                         WHERE own.attname = 'book_id' AND other.attname = 'book_id'))
UNION ALL
SELECT format('%s: the foreign key %s leads from outside into a book', conrelid::regclass, conname)
  FROM pg_constraint
 WHERE contype = 'f' AND confrelid::regclass::text = ANY($1::text[]) AND conrelid::regclass::text <> ALL($1::text[])
UNION ALL
SELECT format('%s: the trigger %s', tgrelid::regclass, tgname)
  FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY($1::text[] || $2::text[])
UNION ALL
SELECT format('%s: the column %s counts by itself', attrelid::regclass, attname)
  FROM pg_attribute
  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
 WHERE attrelid = ANY(SELECT pg_class.oid FROM pg_class WHERE pg_class.oid::regclass::text = ANY($1::text[]))
   AND (attidentity <> '' OR pg_get_expr(adbin, adrelid) LIKE 'nextval(%')
UNION ALL
SELECT format('%s: the column %s counts by itself and is no bigint', attrelid::regclass, attname)
  FROM pg_attribute
 WHERE attidentity <> '' AND atttypid <> 'bigint'::regtype
   AND attrelid = ANY(SELECT pg_class.oid FROM pg_class WHERE pg_class.oid::regclass::text = ANY($2::text[]))
 ORDER BY 1

-- name: nodes
-- The machines of the cluster. groupid 0 is the one that takes the statements.
SELECT nodename AS name, nodeport AS port, groupid = 0 AS coordinator, isactive AS active FROM pg_dist_node ORDER BY groupid

-- name: nodes_of_books
-- Where each of the books $1 is: on the machine that has its shard, with which all of its tables are co-located.
SELECT asked.book_id, node.nodename AS host, node.nodeport AS port
  FROM unnest($1::bigint[]) AS asked (book_id)
  JOIN pg_dist_placement AS placement
    ON placement.shardid = get_shard_id_for_distribution_column('account', asked.book_id) AND placement.shardstate = 1
  JOIN pg_dist_node AS node ON node.groupid = placement.groupid AND node.noderole = 'primary' AND node.isactive

-- name: placed
-- The tables that Citus knows already: 'h' distributed, 'n' a copy on every machine.
SELECT logicalrelid::text AS name FROM pg_dist_partition
 WHERE partmethod = 'h' OR (partmethod = 'n' AND repmodel = 't')

-- name: extension_available
-- Whether the server has Citus to offer: installed, and loaded when it was started. Only then it has this setting; and
-- which libraries it loaded is told to superusers only.
SELECT true FROM pg_available_extensions WHERE name = 'citus' AND current_setting('citus.shard_count', true) <> ''

-- name: create_extension
-- Harmless where it is on already.
CREATE EXTENSION IF NOT EXISTS citus

-- name: one_connection
-- For this transaction: one connection per machine, so that later steps see what earlier ones did.
SET LOCAL citus.multi_shard_modify_mode TO 'sequential'

-- name: lacking_settings
-- What a role's sessions have to have and it does not say yet, as statements: of the role $1, or of ours where there is
-- none. $2: the names of the settings, $3: their values.
SELECT rolname AS role, format('ALTER ROLE %I SET %s = %L', rolname, wanted.name, wanted.value) AS statement
  FROM pg_roles
 CROSS JOIN unnest($2::text[], $3::text[]) AS wanted (name, value)
 WHERE rolname = coalesce((SELECT rolname FROM pg_roles WHERE rolname = $1), current_user)
   AND NOT EXISTS (SELECT FROM pg_db_role_setting
                    WHERE setrole = pg_roles.oid AND setdatabase = 0
                      AND wanted.name || '=' || wanted.value = ANY(setconfig))
 ORDER BY wanted.name

-- name: rebalance
-- Begins in the background.
SELECT citus_rebalance_start()

-- name: has_extension
-- Whether this database has Citus.
SELECT true FROM pg_extension WHERE extname = 'citus'
