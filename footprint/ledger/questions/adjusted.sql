-- after: divided
-- What a node's own record has is what it read less what the others read meanwhile, joule by joule: a short job that drew much
-- within a long stretch takes what it drew, not what the stretch drew in its time. Over a stay (stretches one after the other)
-- that is divided by `spare_by_time`; where others were there all the time, by what each stretch told.
lain AS (
    SELECT *, LAG(e) OVER (PARTITION BY run_id, device_id ORDER BY b, e) AS before_e FROM spare_by_time
),
stayed AS (
    SELECT
        run_id, device_id, clock, offset_us, b, e, energy_mj, told_mj,
        SUM(CASE WHEN before_e >= b THEN 0 ELSE 1 END) OVER (
            PARTITION BY run_id, device_id ORDER BY b, e ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS stay
    FROM lain
),
lasting AS (
    SELECT
        run_id, device_id, clock, stay, MIN(b) AS b, MAX(e) AS e,
        CAST(SUM(energy_mj) AS BIGINT) AS by_time_mj, CAST(SUM(told_mj) AS BIGINT) AS told_mj
    FROM stayed
    GROUP BY run_id, device_id, clock, stay
),
halfway AS (
    SELECT DISTINCT g.run_id, g.device_id
    FROM guests g
    JOIN lasting n ON n.clock = g.clock AND n.device_id = g.device_id AND g.b < n.e AND g.e > n.b AND (g.b < n.b OR g.e > n.e)
),
others AS (
    SELECT g.clock, g.device_id, g.b, g.e, g.energy_mj
    FROM guests g
    LEFT JOIN overs o ON o.run_id = g.run_id AND o.device_id = g.device_id
    LEFT JOIN halfway h ON h.run_id = g.run_id AND h.device_id = g.device_id
    WHERE o.run_id IS NULL AND h.run_id IS NULL
    UNION ALL
    SELECT
        g.clock, g.device_id, LEAST(s.begin_us, s.end_us - 1) - g.offset_us AS b, s.end_us - g.offset_us AS e, s.energy_mj
    FROM guests g
    JOIN halfway h ON h.run_id = g.run_id AND h.device_id = g.device_id
    JOIN samples s ON s.run_id = g.run_id AND s.device_id = g.device_id
    LEFT JOIN overs o ON o.run_id = g.run_id AND o.device_id = g.device_id
    WHERE o.run_id IS NULL AND s.energy_mj > 0
    UNION ALL
    SELECT c.clock, o.device_id, k.sb AS b, k.se AS e, (2 * d.grown_mj + d.divisor) // (2 * d.divisor) AS energy_mj
    FROM divided d
    JOIN overs o ON o.span = d.span AND NOT o.background
    JOIN segments k ON k.segment = d.segment
    JOIN clocks c ON c.id = o.run_id
),
beside AS (
    SELECT
        n.run_id, n.device_id, n.stay,
        CAST(SUM(
            CASE WHEN o.b >= n.b AND o.e <= n.e THEN o.energy_mj ELSE
                CAST(FLOOR(CAST(o.energy_mj AS DOUBLE) * (LEAST(o.e, n.e) - o.b) / (o.e - o.b) + 0.5) AS BIGINT)
                - CAST(FLOOR(CAST(o.energy_mj AS DOUBLE) * (GREATEST(o.b, n.b) - o.b) / (o.e - o.b) + 0.5) AS BIGINT)
            END
        ) AS BIGINT) AS taken_mj
    FROM lasting n
    JOIN others o ON o.clock = n.clock AND o.device_id = n.device_id AND o.b < n.e AND o.e > n.b
    GROUP BY n.run_id, n.device_id, n.stay
),
weighed AS (
    SELECT
        s.run_id, s.device_id, s.offset_us, s.b, s.e, s.energy_mj, s.told_mj, k.taken_mj,
        GREATEST(0, n.told_mj - COALESCE(k.taken_mj, 0)) AS left_mj,
        CASE WHEN n.by_time_mj > 0 THEN n.by_time_mj ELSE n.told_mj END AS whole_mj,
        CASE WHEN n.by_time_mj > 0 THEN s.energy_mj ELSE s.told_mj END AS part_mj,
        CAST(SUM(CASE WHEN n.by_time_mj > 0 THEN s.energy_mj ELSE s.told_mj END) OVER (
            PARTITION BY s.run_id, s.device_id, s.stay ORDER BY s.b, s.e ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS BIGINT) AS so_far_mj
    FROM stayed s
    JOIN lasting n ON n.run_id = s.run_id AND n.device_id = s.device_id AND n.stay = s.stay
    LEFT JOIN beside k ON k.run_id = s.run_id AND k.device_id = s.device_id AND k.stay = s.stay
),
spare AS (
    SELECT
        run_id, device_id, offset_us, b, e, told_mj,
        CASE WHEN taken_mj IS NULL THEN energy_mj ELSE
            CAST(FLOOR(CAST(left_mj AS DOUBLE) * so_far_mj / whole_mj + 0.5) AS BIGINT)
            - CAST(FLOOR(CAST(left_mj AS DOUBLE) * (so_far_mj - part_mj) / whole_mj + 0.5) AS BIGINT)
        END AS energy_mj
    FROM weighed
),
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
