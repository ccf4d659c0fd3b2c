-- after: idling
-- What accelerators used, what of it those of which it was seen what they draw while they idle, and what of that while they did.
SELECT
    CAST(SUM(p.energy_mj) AS BIGINT) AS accelerators_mj,
    CAST(SUM(CASE WHEN f.device_key IS NOT NULL AND p.floor_w IS NOT NULL THEN p.energy_mj END) AS BIGINT) AS seen_mj,
    CAST(SUM(CASE WHEN f.device_key IS NOT NULL AND p.floor_w IS NOT NULL THEN COALESCE(i.idle_mj, 0) END) AS BIGINT) AS idle_mj
FROM counted p
JOIN runs r ON r.id = p.run_id
LEFT JOIN floors f ON f.device_key = p.device_key
LEFT JOIN idle i ON i.run_id = p.run_id AND i.device_id = p.device_id
WHERE p.component = 'accelerators' AND {chosen}
