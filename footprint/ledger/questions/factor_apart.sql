-- after: pieces
-- The runs that are derived one by one, and what counts of each: of its reserved CPU-time, of its own CPU-seconds, of each device's
-- joules (in mJ) and of the time with it. A run without devices has one row.
SELECT
    {keys}r.id, r.factor_key, c.background, COALESCE(s.of_all, 1.0) AS of_all, COALESCE(s.of_own, 1.0) AS of_own,
    d.device_id, d.energy_mj, COALESCE(k.energy_mj, d.energy_mj) AS counted_mj, COALESCE(h.of_all, 1.0) AS hours_ratio
FROM apart a
JOIN asked c ON c.id = a.id
JOIN runs r ON r.id = a.id
LEFT JOIN shared s ON s.run_id = a.id AND s.thing = 'cpus'
LEFT JOIN devices d ON d.run_id = a.id
LEFT JOIN adjusted k ON k.run_id = a.id AND k.device_id = d.device_id
LEFT JOIN shared h ON h.run_id = a.id AND h.thing = d.device_id
ORDER BY r.id
