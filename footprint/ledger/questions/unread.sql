-- How many runs are asked about, and of how many of them no meter read any joules: what energies over time and shares leave out.
SELECT COUNT(*) AS runs, COUNT(*) - COUNT(p.read_mj) AS unread_runs
FROM runs r
LEFT JOIN (SELECT run_id, MAX(energy_mj) AS read_mj FROM devices GROUP BY run_id) p ON p.run_id = r.id
WHERE {chosen}
