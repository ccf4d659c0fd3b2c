-- after: within, asked
-- The newest runs, each with the run that contains it.
SELECT c.id, k.outer_id
FROM asked c
LEFT JOIN within w ON w.id = c.id
LEFT JOIN kin k ON k.id = w.id AND k.steps = w.steps
ORDER BY c.started_us DESC, c.id DESC
LIMIT {most}
