-- after: adjusted
-- The devices by model, as they were read; what overlapping runs read together once.
SELECT
    CASE WHEN d.device_id LIKE 'gpu:%' THEN 'accelerators' ELSE d.component END AS component, d.name, d.meter, d.grade,
    COUNT(DISTINCT d.device_key) AS devices, COUNT(DISTINCT d.run_id) AS runs,
    CAST(SUM(CASE WHEN a.run_id IS NOT NULL AND d.energy_mj IS NOT NULL THEN a.energy_mj ELSE d.energy_mj END) AS BIGINT) AS energy_mj,
    SUM(d.read_s) AS read_s, COUNT(CASE WHEN d.held_ratio = 0 AND d.energy_mj > 0 THEN 1 END) AS unheld
FROM clocks c
JOIN devices d ON d.run_id = c.id
LEFT JOIN adjusted a ON a.run_id = d.run_id AND a.device_id = d.device_id
LEFT JOIN within w ON w.id = c.id
WHERE c.is_chosen AND w.id IS NULL
GROUP BY CASE WHEN d.device_id LIKE 'gpu:%' THEN 'accelerators' ELSE d.component END, d.name, d.meter, d.grade
