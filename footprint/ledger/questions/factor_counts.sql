-- after: within, asked
-- How many runs there are of each factor key, and how many of them another run contains.
SELECT {keys}r.factor_key, COUNT(*) AS runs, COUNT(w.id) AS nested
FROM asked c
JOIN runs r ON r.id = c.id
LEFT JOIN within w ON w.id = c.id
GROUP BY {key_names}r.factor_key
