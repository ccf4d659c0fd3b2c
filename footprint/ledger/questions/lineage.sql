-- What a run, an account or a model came from (`up`) or led to (`down`): by the run that a run was started in, by the run or job
-- that it is a restart of, by what it was fine-tuned from. Names are met once, so that those which name each other end.
WITH RECURSIVE names AS (
    SELECT restart_of AS name FROM runs WHERE restart_of IS NOT NULL
    UNION SELECT tuned_from AS name FROM runs WHERE tuned_from IS NOT NULL
    UNION SELECT {of} AS name
),
links AS (
    SELECT 'run' AS kind, id AS name, 'run' AS elder_kind, parent AS elder FROM runs WHERE parent IS NOT NULL
    UNION ALL SELECT 'run' AS kind, id AS name, 'any' AS elder_kind, restart_of AS elder FROM runs WHERE restart_of IS NOT NULL
    UNION ALL SELECT 'run' AS kind, id AS name, 'any' AS elder_kind, tuned_from AS elder FROM runs WHERE tuned_from IS NOT NULL
    UNION ALL SELECT 'any' AS kind, n.name, 'run' AS elder_kind, r.id AS elder FROM names n JOIN runs r ON r.id = n.name
    UNION ALL SELECT 'any' AS kind, n.name, 'run' AS elder_kind, r.id AS elder FROM names n JOIN runs r ON r.account = n.name
    UNION ALL SELECT 'any' AS kind, n.name, 'run' AS elder_kind, r.id AS elder FROM names n JOIN runs r ON r.model = n.name
),
met(kind, name) AS (
    SELECT 'any' AS kind, {of} AS name
    UNION SELECT 'run' AS kind, id AS name FROM runs WHERE id = {of} OR account = {of} OR model = {of}
    UNION SELECT {next} FROM met m JOIN links l ON {link}
)
SELECT
    r.id, r.name, r.account, r.model, r.outcome, r.started_us, r.parent, r.restart_of, r.tuned_from,
    r.id = {of} OR r.account = {of} OR COALESCE(r.model = {of}, FALSE) AS is_asked,
    d.read_mj
FROM met m
JOIN runs r ON r.id = m.name
LEFT JOIN (
    SELECT run_id, CAST(SUM(CASE WHEN component <> 'rest' THEN energy_mj END) AS BIGINT) AS read_mj FROM devices GROUP BY run_id
) d ON d.run_id = r.id
WHERE m.kind = 'run'
ORDER BY r.started_us, r.id
