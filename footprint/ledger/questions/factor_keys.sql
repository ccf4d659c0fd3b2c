-- after: asked
-- The factor keys of the runs that are asked about: how many runs, and one of them as an example.
SELECT r.factor_key, COUNT(*) AS runs, MIN(r.id) AS example
FROM asked c
JOIN runs r ON r.id = c.id
GROUP BY r.factor_key
ORDER BY r.factor_key
