-- How many runs are asked about, of how many of them no meter read any joules, and of how many nobody knows how they ended: what
-- energies over time and shares leave out, or take for neither failed nor completed.
SELECT
    COUNT(*) AS runs,
    COUNT(*) - COUNT(p.read_mj) AS unread_runs,
    COUNT(CASE WHEN r.outcome = 'unknown' THEN 1 END) AS untold_runs
FROM runs r
LEFT JOIN (SELECT run_id, MAX(energy_mj) AS read_mj FROM devices GROUP BY run_id) p ON p.run_id = r.id
WHERE {chosen}
