-- after: counted
-- When the chosen runs used their joules: what each stretch used is cut at the edges of the buckets in proportion to time, each
-- joule once, so that the buckets add up to the total. What lies in one bucket as a whole needs no look at its samples.
WITH digits AS (
    SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
    UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9
),
numbers AS (
    SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n AS n FROM digits a CROSS JOIN digits b CROSS JOIN digits c CROSS JOIN digits d
),
wholes AS (
    SELECT run_id, device_id, component, energy_mj, {bucket:begin_us} AS first_bucket, {bucket:GREATEST(begin_us, end_us - 1)} AS last_bucket
    FROM counted
    WHERE is_whole
),
lying AS (
    SELECT run_id, device_id, span, {bucket:b + offset_us} AS first_bucket, {bucket:e + offset_us - 1} AS last_bucket FROM overs
),
cuts AS (
    SELECT
        c.run_id, c.device_id, 0 AS span, 0 AS segment, s.energy_mj, LEAST(s.begin_us, s.end_us - 1) AS b, s.end_us AS e,
        LEAST(s.begin_us, s.end_us - 1) AS lo, s.end_us AS hi
    FROM wholes c
    JOIN samples s ON s.run_id = c.run_id AND s.device_id = c.device_id
    WHERE c.first_bucket <> c.last_bucket AND s.energy_mj > 0
    UNION ALL
    SELECT
        s.run_id, s.device_id, 0 AS span, 0 AS segment, s.energy_mj, s.b + s.offset_us AS b, s.e + s.offset_us AS e,
        s.b + s.offset_us AS lo, s.e + s.offset_us AS hi
    FROM spare s
    LEFT JOIN overs o ON o.run_id = s.run_id AND o.device_id = s.device_id
    WHERE o.run_id IS NULL
    UNION ALL
    SELECT
        '' AS run_id, '' AS device_id, a.span, a.segment, a.energy_mj, a.b + a.offset_us AS b, a.e + a.offset_us AS e,
        a.lo + a.offset_us AS lo, a.hi + a.offset_us AS hi
    FROM lying l
    JOIN atoms a ON a.span = l.span
    WHERE l.first_bucket <> l.last_bucket
),
placed AS (
    SELECT *, {bucket:lo} AS first_bucket, {bucket:hi - 1} AS last_bucket FROM cuts
),
parts AS (
    SELECT run_id, device_id, span, segment, first_bucket AS bucket, energy_mj, b, e, lo, hi
    FROM placed
    WHERE first_bucket = last_bucket
    UNION ALL
    SELECT
        p.run_id, p.device_id, p.span, p.segment, p.first_bucket + n.n AS bucket, p.energy_mj, p.b, p.e,
        GREATEST(p.lo, {edge:p.first_bucket + n.n}) AS lo,
        CASE WHEN n.n = 9999 THEN p.hi ELSE LEAST(p.hi, {edge:p.first_bucket + n.n + 1}) END AS hi
    FROM placed p
    JOIN numbers n ON n.n <= p.last_bucket - p.first_bucket
    WHERE p.first_bucket <> p.last_bucket
),
cells AS (
    SELECT
        run_id, device_id, span, segment, bucket,
        CAST(SUM(
            CASE WHEN lo = b AND hi = e THEN energy_mj ELSE
                (CASE WHEN hi = e THEN energy_mj ELSE CAST(FLOOR(CAST(energy_mj AS DOUBLE) * (hi - b) / (e - b) + 0.5) AS BIGINT) END)
                - CAST(FLOOR(CAST(energy_mj AS DOUBLE) * (lo - b) / (e - b) + 0.5) AS BIGINT)
            END
        ) AS BIGINT) AS energy_mj
    FROM parts
    GROUP BY run_id, device_id, span, segment, bucket
),
summed AS (
    SELECT
        c.span, c.bucket, c.energy_mj, d.divisor,
        CAST(SUM(c.energy_mj) OVER (
            PARTITION BY c.span, c.segment ORDER BY c.bucket ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS BIGINT) AS so_far_mj
    FROM cells c
    JOIN divided d ON d.span = c.span AND d.segment = c.segment
),
shared AS (
    SELECT
        span, bucket,
        SUM(
            (2 * so_far_mj + divisor) // (2 * divisor) - (2 * (so_far_mj - energy_mj) + divisor) // (2 * divisor)
        ) AS energy_mj
    FROM summed
    GROUP BY span, bucket
),
pieces AS (
    SELECT run_id, device_id, component, first_bucket AS bucket, energy_mj FROM wholes WHERE first_bucket = last_bucket
    UNION ALL
    SELECT c.run_id, c.device_id, c.component, l.first_bucket AS bucket, c.energy_mj
    FROM lying l
    JOIN counted c ON c.run_id = l.run_id AND c.device_id = l.device_id
    WHERE l.first_bucket = l.last_bucket AND c.energy_mj > 0
    UNION ALL
    SELECT c.run_id, c.device_id, d.component, c.bucket, c.energy_mj
    FROM cells c
    JOIN devices d ON d.run_id = c.run_id AND d.device_id = c.device_id
    WHERE c.span = 0
    UNION ALL
    SELECT o.run_id, o.device_id, d.component, s.bucket, s.energy_mj
    FROM shared s
    JOIN overs o ON o.span = s.span
    JOIN devices d ON d.run_id = o.run_id AND d.device_id = o.device_id
)
SELECT
    CAST({edge:p.bucket} AS BIGINT) AS begin_us,
    {keys}
    CAST(SUM(CASE WHEN p.component <> 'rest' THEN p.energy_mj END) AS BIGINT) AS energy_mj,
    CAST(SUM(CASE WHEN p.component = 'accelerators' THEN p.energy_mj END) AS BIGINT) AS accelerators_mj,
    CAST(SUM(CASE WHEN p.component = 'cpu' THEN p.energy_mj END) AS BIGINT) AS cpu_mj,
    CAST(SUM(CASE WHEN p.component = 'memory' THEN p.energy_mj END) AS BIGINT) AS memory_mj,
    CAST(SUM(CASE WHEN p.component = 'rest' THEN p.energy_mj END) AS BIGINT) AS rest_mj
FROM pieces p
JOIN runs r ON r.id = p.run_id
WHERE {chosen}
GROUP BY {key_names} p.bucket
ORDER BY p.bucket {order_after}
