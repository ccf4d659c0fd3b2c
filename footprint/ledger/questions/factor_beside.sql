-- after: within, asked
-- Nodes' own records and the runs beside them, by the clock that they share: what a record counts is what these leave.
SELECT c.clock, c.id, r.factor_key
FROM asked c
JOIN (
    SELECT n.clock, MIN(n.started_us - n.offset_us) AS b, MAX(n.ended_us - n.offset_us) AS e
    FROM asked n
    LEFT JOIN within w ON w.id = n.id
    WHERE n.background AND w.id IS NULL
    GROUP BY n.clock
) n ON n.clock = c.clock AND c.started_us - c.offset_us <= n.e AND c.ended_us - c.offset_us >= n.b
JOIN runs r ON r.id = c.id
LEFT JOIN within w ON w.id = c.id
WHERE w.id IS NULL
ORDER BY c.clock, c.id
