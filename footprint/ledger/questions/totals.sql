-- after: counted
-- What the chosen runs used, each joule once. `energy_mj` is that of accelerators, CPUs and memory; meters of whole machines stand
-- apart (`rest_mj`), since they read the others, too, and so do GPUs of which a run had a part (MIG): their sensors read all parts. Null is unknown: of `unread_runs` nothing was read, of `partial_runs` not all.
WITH per_run AS (
    SELECT
        run_id, {component}
        SUM(read_mj) AS read_mj,
        SUM(CASE WHEN component <> 'rest' THEN energy_mj END) AS energy_mj,
        SUM(CASE WHEN component = 'accelerators' THEN energy_mj END) AS accelerators_mj,
        SUM(CASE WHEN component = 'cpu' THEN energy_mj END) AS cpu_mj,
        SUM(CASE WHEN component = 'memory' THEN energy_mj END) AS memory_mj,
        SUM(CASE WHEN component = 'rest' THEN energy_mj END) AS rest_mj,
        SUM(CASE WHEN component = 'accelerators' THEN length_us ELSE 0 END) AS device_us,
        MAX(CASE WHEN energy_mj IS NULL THEN 1 ELSE 0 END) AS lacks,
        MAX(CASE WHEN is_within THEN 1 ELSE 0 END) AS contained
    FROM counted
    GROUP BY run_id {component_group}
)
SELECT
    {keys}
    COUNT(*) AS runs,
    CAST(SUM(CASE WHEN r.outcome IN ('failed', 'interrupted') THEN 1 ELSE 0 END) AS BIGINT) AS failed_runs,
    CAST(SUM(CASE WHEN p.read_mj IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS unread_runs,
    CAST(SUM(CASE WHEN p.read_mj IS NOT NULL AND p.lacks = 1 THEN 1 ELSE 0 END) AS BIGINT) AS partial_runs,
    CAST(SUM(
        CASE WHEN p.contained = 1 THEN 0 ELSE CAST(FLOOR(r.duration_s * 1000000 + 0.5) AS BIGINT) END
    ) AS BIGINT) AS duration_us,
    CAST(SUM(p.device_us) AS BIGINT) AS device_us,
    CAST(SUM(p.energy_mj) AS BIGINT) AS energy_mj,
    CAST(SUM(p.accelerators_mj) AS BIGINT) AS accelerators_mj,
    CAST(SUM(p.cpu_mj) AS BIGINT) AS cpu_mj,
    CAST(SUM(p.memory_mj) AS BIGINT) AS memory_mj,
    CAST(SUM(p.rest_mj) AS BIGINT) AS rest_mj,
    CAST(SUM(p.read_mj) AS BIGINT) AS read_mj
FROM runs r
LEFT JOIN per_run p ON p.run_id = r.id
WHERE {chosen}
{group}
{order}
