-- after: within, asked
-- How many runs there are of each factor key and, of those that another run contains, of the key of the outermost one that does.
SELECT {keys}r.factor_key, o.factor_key AS outer_key, COUNT(*) AS runs
FROM asked c
JOIN runs r ON r.id = c.id
LEFT JOIN within w ON w.id = c.id
LEFT JOIN kin k ON k.id = w.id AND k.steps = w.steps
LEFT JOIN runs o ON o.id = k.outer_id
GROUP BY {key_names}r.factor_key, o.factor_key
