-- after: divided
-- What counts of the devices of which not all does: of those that overlapped, and of nodes' own records.
adjusted AS (
    SELECT o.run_id, o.device_id, COALESCE(d.energy_mj, 0) AS energy_mj, COALESCE(d.length_us, 0) AS length_us
    FROM overs o
    LEFT JOIN (
        SELECT
            span,
            CAST(SUM((2 * grown_mj + divisor) // (2 * divisor)) AS BIGINT) AS energy_mj,
            CAST(SUM((2 * length_us + divisor) // (2 * divisor)) AS BIGINT) AS length_us
        FROM divided
        GROUP BY span
    ) d ON d.span = o.span
    UNION ALL
    SELECT n.run_id, n.device_id, COALESCE(s.energy_mj, 0) AS energy_mj, COALESCE(s.length_us, 0) AS length_us
    FROM nodes n
    LEFT JOIN (
        SELECT run_id, device_id, CAST(SUM(energy_mj) AS BIGINT) AS energy_mj,
            CAST(SUM(CASE WHEN energy_mj > 0 THEN e - b ELSE 0 END) AS BIGINT) AS length_us
        FROM spare GROUP BY run_id, device_id
    ) s ON s.run_id = n.run_id AND s.device_id = n.device_id
    LEFT JOIN overs o ON o.run_id = n.run_id AND o.device_id = n.device_id
    WHERE o.run_id IS NULL
),
