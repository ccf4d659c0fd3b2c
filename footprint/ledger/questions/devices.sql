-- after: counted
-- Each device: when it was first and last read, for how long in all (a moment that several runs read counts once), and its joules.
SELECT
    {keys}
    p.device_key,
    p.component,
    MIN(p.name) AS name,
    COUNT(*) AS runs,
    CAST(SUM(CASE WHEN p.read_mj IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS unread_runs,
    MIN(p.begin_us) AS first_us,
    MAX(p.end_us) AS last_us,
    CAST(SUM(p.length_us) AS BIGINT) AS read_us,
    CAST(SUM(p.energy_mj) AS BIGINT) AS energy_mj,
    CAST(SUM(p.read_mj) AS BIGINT) AS read_mj,
    MIN(p.floor_w) AS floor_w
FROM counted p
JOIN runs r ON r.id = p.run_id
WHERE {chosen}
GROUP BY {key_names} p.device_key, p.component
ORDER BY {key_names} p.device_key, p.component
