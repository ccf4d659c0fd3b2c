-- after: idling
-- What accelerators used of which it was seen what they draw while they idle, and what of it while they did.
SELECT CAST(SUM(p.energy_mj) AS BIGINT) AS accelerators_mj, CAST(SUM(COALESCE(i.idle_mj, 0)) AS BIGINT) AS idle_mj
FROM counted p
JOIN floors f ON f.device_key = p.device_key
JOIN runs r ON r.id = p.run_id
LEFT JOIN idle i ON i.run_id = p.run_id AND i.device_id = p.device_id
WHERE p.component = 'accelerators' AND p.floor_w IS NOT NULL AND {chosen}
