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
