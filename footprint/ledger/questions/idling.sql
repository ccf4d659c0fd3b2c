-- after: counted
-- The joules that idle accelerators used. An accelerator is idle in a stretch in which it drew
-- no more than {idle_ratio} times the lowest mean power (over a second or more) that any run of the ledger read of it; runs that never
-- came so low have no such stretch. Each joule once: of a segment that runs share, each has its part of the idle joules.
floors AS (
    SELECT device_key, MIN(floor_w) AS floor_w
    FROM devices
    WHERE component = 'accelerators' AND floor_w > 0
    GROUP BY device_key
    HAVING {seen}
),
low AS (
    SELECT c.run_id, c.device_id, c.is_whole, f.floor_w * {idle_ratio} AS limit_w
    FROM counted c
    JOIN floors f ON f.device_key = c.device_key
    WHERE c.component = 'accelerators' AND c.floor_w <= f.floor_w * {idle_ratio}
),
idle_parts AS (
    SELECT l.run_id, l.device_id, s.energy_mj
    FROM low l
    JOIN samples s ON s.run_id = l.run_id AND s.device_id = l.device_id
    WHERE l.is_whole AND s.energy_mj > 0 AND CAST(s.energy_mj AS DOUBLE) * 1000 <= l.limit_w * (s.end_us - s.begin_us)
    UNION ALL
    SELECT l.run_id, l.device_id, s.energy_mj
    FROM low l
    JOIN spare s ON s.run_id = l.run_id AND s.device_id = l.device_id
    LEFT JOIN overs o ON o.run_id = l.run_id AND o.device_id = l.device_id
    WHERE o.run_id IS NULL AND CAST(s.told_mj AS DOUBLE) * 1000 <= l.limit_w * (s.e - s.b)
    UNION ALL
    SELECT c.run_id, c.device_id, (2 * c.grown_mj + d.divisor) // (2 * d.divisor) AS energy_mj
    FROM (
        SELECT
            o.run_id, o.device_id, a.span, a.segment,
            CAST(SUM(
                CASE WHEN a.lo = a.b AND a.hi = a.e THEN a.energy_mj ELSE
                    CAST(FLOOR(CAST(a.energy_mj AS DOUBLE) * (a.hi - a.b) / (a.e - a.b) + 0.5) AS BIGINT)
                    - CAST(FLOOR(CAST(a.energy_mj AS DOUBLE) * (a.lo - a.b) / (a.e - a.b) + 0.5) AS BIGINT)
                END
            ) AS BIGINT) AS grown_mj
        FROM atoms a
        JOIN overs o ON o.span = a.span
        JOIN low l ON l.run_id = o.run_id AND l.device_id = o.device_id
        WHERE CAST(a.energy_mj AS DOUBLE) * 1000 <= l.limit_w * (a.e - a.b)
        GROUP BY o.run_id, o.device_id, a.span, a.segment
    ) c
    JOIN divided d ON d.span = c.span AND d.segment = c.segment
),
idle AS (
    SELECT run_id, device_id, SUM(energy_mj) AS idle_mj FROM idle_parts GROUP BY run_id, device_id
),
