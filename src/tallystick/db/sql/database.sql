-- Settings of sessions, and upkeep. Read by database.py.

-- name: plan_once
-- Plans for all arguments, except on Citus, which has none for all books.
SELECT set_config('plan_cache_mode', 'force_generic_plan', false)
 WHERE NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')

-- name: plan_each_time
-- Plans for the arguments of each execution, in this transaction.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true)

-- name: forget_plans
-- Each statement is planned anew when it is carried out next.
DISCARD PLANS

-- name: ping
-- Asks for nothing but an answer.
SELECT 1

-- name: gather_statistics
-- What the planner has to know of what is in the tables.
ANALYZE

-- name: row_types
-- Row types of these names ($1) that this session finds: the numbers of their arrays and of their own, and their columns' types
-- with the names of these.
SELECT row_type.typarray AS array_oid, row_type.oid AS row_oid, row_type.typname AS name,
       array_agg(one.atttypid ORDER BY one.attnum) AS column_oids,
       array_agg(of_one.typname::text ORDER BY one.attnum) AS column_types
  FROM pg_type AS row_type
  JOIN pg_attribute AS one ON one.attrelid = row_type.typrelid AND one.attnum > 0 AND NOT one.attisdropped
  JOIN pg_type AS of_one ON of_one.oid = one.atttypid
 WHERE row_type.typname = ANY($1::text[]) AND row_type.typtype = 'c' AND pg_type_is_visible(row_type.oid)
 GROUP BY row_type.oid
