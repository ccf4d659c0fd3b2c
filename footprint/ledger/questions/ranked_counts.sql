-- after: ranked
-- How many runs of each factor key, and how long they lasted: of all, and of the groups of each dimension.
SELECT
    {names}factor_key, COUNT(*) AS runs, CAST(SUM(duration_us) AS BIGINT) AS duration_us, SUM(cpu_read_s) AS cpu_read_s,
    MIN(started_us) AS started_us
FROM ranked
GROUP BY GROUPING SETS ({sets})
