-- after: clocks, within
-- Each joule once. Readings of one device on one clock that overlap no other count as they are. Begins and ends of the others
-- (`overs`) cut time into segments; what each read in a segment is divided by the programs that read something in it, and among
-- the runs of one program. A node's own record (`background`) has what is left: here, of each of its stretches, by the part of the
-- time in which no other run read the device (`spare_by_time`). All is whole millijoules: half and more is one.
spans AS (
    SELECT
        d.run_id, d.device_id, c.clock, c.background, c.offset_us, d.begin_us - c.offset_us AS b, d.end_us - c.offset_us AS e
    FROM clocks c
    JOIN devices d ON d.run_id = c.id
    LEFT JOIN within w ON w.id = c.id
    WHERE c.is_chosen AND w.id IS NULL AND c.takes AND d.energy_mj > 0 AND (c.background OR {held})
),
laid AS (
    -- By the run, too: of those which begin and end alike, each window has to have the same order.
    SELECT
        *,
        MAX(e) OVER (
            PARTITION BY background, clock, device_id ORDER BY b, e, run_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before_e,
        LEAD(b) OVER (PARTITION BY background, clock, device_id ORDER BY b, e, run_id) AS next_b
    FROM spans
),
overs AS (
    SELECT
        l.run_id, l.device_id, l.background, l.offset_us, l.b, l.e,
        CASE WHEN r.journal_id = '' THEN r.id ELSE r.journal_id END AS program,
        ROW_NUMBER() OVER (ORDER BY l.background, l.clock, l.device_id, l.b, l.e, l.run_id) AS span,
        SUM(CASE WHEN l.before_e > l.b THEN 0 ELSE 1 END) OVER (
            ORDER BY l.background, l.clock, l.device_id, l.b, l.e, l.run_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS island
    FROM laid l
    JOIN runs r ON r.id = l.run_id
    WHERE l.before_e > l.b OR l.next_b < l.e
),
nodes AS (
    SELECT d.run_id, d.device_id, c.clock, c.offset_us
    FROM clocks c
    JOIN devices d ON d.run_id = c.id
    LEFT JOIN within w ON w.id = c.id
    WHERE c.is_chosen AND c.background AND w.id IS NULL AND c.takes AND d.energy_mj > 0
),
guests AS (
    SELECT
        n.clock, n.device_id, d.run_id, c.offset_us, d.energy_mj, d.begin_us - c.offset_us AS b, d.end_us - c.offset_us AS e,
        MAX(d.end_us - c.offset_us) OVER (
            PARTITION BY n.clock, n.device_id ORDER BY d.begin_us - c.offset_us, d.end_us - c.offset_us, d.run_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before_e
    FROM (SELECT DISTINCT clock, device_id FROM nodes) n
    JOIN devices d ON d.device_id = n.device_id
    JOIN clocks c ON c.id = d.run_id AND c.clock = n.clock
    LEFT JOIN within w ON w.id = c.id
    WHERE c.is_chosen AND NOT c.background AND w.id IS NULL AND c.takes AND d.energy_mj > 0 AND ({held})
),
stays AS (
    SELECT
        clock, device_id, b, e,
        SUM(CASE WHEN before_e >= b THEN 0 ELSE 1 END) OVER (
            PARTITION BY clock, device_id ORDER BY b, e, run_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS stay
    FROM guests
),
busy AS (
    SELECT clock, device_id, MIN(b) AS b, MAX(e) AS e FROM stays GROUP BY clock, device_id, stay
),
told AS (
    SELECT
        n.run_id, n.device_id, n.clock, n.offset_us, s.energy_mj,
        LEAST(s.begin_us, s.end_us - 1) - n.offset_us AS b, s.end_us - n.offset_us AS e
    FROM nodes n
    JOIN samples s ON s.run_id = n.run_id AND s.device_id = n.device_id
    WHERE s.energy_mj > 0
),
moments AS (
    SELECT
        clock, device_id, '' AS run_id, b AS t, 0 AS is_end, b AS last_b, e AS last_e, b AS of_b,
        COALESCE(SUM(e - b) OVER (
            PARTITION BY clock, device_id ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS prior_us
    FROM busy
    UNION ALL SELECT clock, device_id, run_id, b AS t, 1 AS is_end, NULL AS last_b, NULL AS last_e, b AS of_b, NULL AS prior_us FROM told
    UNION ALL SELECT clock, device_id, run_id, e AS t, 2 AS is_end, NULL AS last_b, NULL AS last_e, b AS of_b, NULL AS prior_us FROM told
),
so_far AS (
    SELECT
        clock, device_id, run_id, of_b, t, is_end,
        MAX(last_b) OVER (PARTITION BY clock, device_id ORDER BY t, is_end ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS last_b,
        MAX(last_e) OVER (PARTITION BY clock, device_id ORDER BY t, is_end ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS last_e,
        MAX(prior_us) OVER (PARTITION BY clock, device_id ORDER BY t, is_end ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS prior_us
    FROM moments
),
taken AS (
    SELECT
        clock, device_id, run_id, of_b AS b,
        CAST(SUM(
            (CASE is_end WHEN 2 THEN 1 ELSE -1 END) * COALESCE(prior_us + LEAST(t, last_e) - last_b, 0)
        ) AS BIGINT) AS taken_us
    FROM so_far
    WHERE is_end > 0
    GROUP BY clock, device_id, run_id, of_b
),
spare_by_time AS (
    SELECT
        t.run_id, t.device_id, t.clock, t.offset_us, t.b, t.e, t.energy_mj AS told_mj,
        CASE WHEN k.taken_us = 0 THEN t.energy_mj ELSE
            CAST(FLOOR(CAST(t.energy_mj AS DOUBLE) * (t.e - t.b - k.taken_us) / (t.e - t.b) + 0.5) AS BIGINT)
        END AS energy_mj
    FROM told t
    JOIN taken k ON k.clock = t.clock AND k.device_id = t.device_id AND k.run_id = t.run_id AND k.b = t.b
),
gaps AS (
    SELECT
        clock, device_id, COALESCE(LAG(e) OVER (PARTITION BY clock, device_id ORDER BY b), -4000000000000000000) AS b, b AS e
    FROM busy
    UNION ALL SELECT clock, device_id, MAX(e) AS b, 4000000000000000000 AS e FROM busy GROUP BY clock, device_id
    UNION ALL
    SELECT DISTINCT n.clock, n.device_id, -4000000000000000000 AS b, 4000000000000000000 AS e
    FROM nodes n
    LEFT JOIN busy k ON k.clock = n.clock AND k.device_id = n.device_id
    WHERE k.b IS NULL
),
free AS (
    -- Two recorders of one node at a time (one was started anew) divide what is left, moment by moment.
    SELECT
        t.run_id, t.device_id, GREATEST(t.b, g.b) AS b, LEAST(t.e, g.e) AS e,
        CASE WHEN t.b >= g.b AND t.e <= g.e THEN t.energy_mj ELSE
            CAST(FLOOR(CAST(t.energy_mj AS DOUBLE) * (LEAST(t.e, g.e) - t.b) / (t.e - t.b) + 0.5) AS BIGINT)
            - CAST(FLOOR(CAST(t.energy_mj AS DOUBLE) * (GREATEST(t.b, g.b) - t.b) / (t.e - t.b) + 0.5) AS BIGINT)
        END AS energy_mj
    FROM told t
    JOIN overs o ON o.run_id = t.run_id AND o.device_id = t.device_id
    JOIN gaps g ON g.clock = t.clock AND g.device_id = t.device_id AND g.b < t.e AND g.e > t.b
),
readers AS (
    SELECT *, MIN(span) OVER (PARTITION BY island, program) AS member_of FROM overs
),
edges AS (
    SELECT island, b AS t FROM overs
    UNION
    SELECT island, e AS t FROM overs
),
segments AS (
    SELECT island, ROW_NUMBER() OVER (ORDER BY island, t) AS segment, t AS sb, LEAD(t) OVER (PARTITION BY island ORDER BY t) AS se
    FROM edges
),
stretches AS (
    SELECT
        o.span, o.island, o.member_of, o.offset_us, s.energy_mj, o.b AS from_us, o.e AS to_us,
        s.begin_us - o.offset_us AS b, s.end_us - o.offset_us AS e
    FROM samples s
    JOIN readers o ON o.run_id = s.run_id AND o.device_id = s.device_id
    WHERE s.energy_mj > 0 AND NOT o.background
    UNION ALL
    SELECT o.span, o.island, o.member_of, o.offset_us, s.energy_mj, o.b AS from_us, o.e AS to_us, s.b, s.e
    FROM free s
    JOIN readers o ON o.run_id = s.run_id AND o.device_id = s.device_id
    WHERE s.energy_mj > 0
),
strips AS (
    -- A device's begin and end are told to the millisecond: what lies a little beyond is moved in, so that nothing is lost.
    SELECT
        span, island, member_of, offset_us, energy_mj,
        LEAST(GREATEST(LEAST(b, e - 1), from_us), to_us - 1) AS b,
        GREATEST(LEAST(e, to_us), LEAST(GREATEST(LEAST(b, e - 1), from_us), to_us - 1) + 1) AS e
    FROM stretches
),
atoms AS (
    SELECT
        s.span, s.member_of, s.offset_us, s.energy_mj, s.b, s.e, g.segment, g.sb, g.se,
        GREATEST(s.b, g.sb) AS lo, LEAST(s.e, g.se) AS hi
    FROM strips s
    JOIN segments g ON g.island = s.island AND g.sb < s.e AND g.se > s.b
),
