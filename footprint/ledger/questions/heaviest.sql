-- after: booked
-- The keys of one dimension by their runs' energy, largest first, and how many there are.
SELECT COALESCE({key}, '') AS name, SUM(kwh) AS energy_kwh, MIN(started_us) AS started_us, COUNT(*) OVER () AS keys
FROM booked
GROUP BY COALESCE({key}, '')
ORDER BY SUM(kwh) DESC, name
LIMIT {most}
