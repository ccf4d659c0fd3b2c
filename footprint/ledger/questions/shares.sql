-- after: idling
-- The shares of joules that failed runs used, and that idle accelerators used.
SELECT
    {keys}
    CAST(SUM(CASE WHEN p.component <> 'rest' THEN p.energy_mj END) AS BIGINT) AS energy_mj,
    CAST(SUM(CASE WHEN p.component <> 'rest' AND p.energy_mj IS NOT NULL AND r.outcome IN ('failed', 'interrupted')
        THEN p.energy_mj WHEN p.component <> 'rest' AND p.energy_mj IS NOT NULL THEN 0 END) AS BIGINT) AS failed_mj,
    CAST(SUM(CASE WHEN p.component = 'accelerators' THEN p.energy_mj END) AS BIGINT) AS accelerators_mj,
    CAST(SUM(CASE WHEN p.component = 'accelerators' AND p.floor_w IS NOT NULL THEN COALESCE(i.idle_mj, 0) END) AS BIGINT) AS idle_mj
FROM counted p
JOIN runs r ON r.id = p.run_id
LEFT JOIN idle i ON i.run_id = p.run_id AND i.device_id = p.device_id
WHERE {chosen}
{group}
{order}
