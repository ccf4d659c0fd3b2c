-- after: clocks
-- Runs that another chosen run contains: a run of the same boot that it was started in, directly or through up to three others,
-- which lasted at least as long, but for a second, and had each accelerator that it had and may have held. Their joules are
-- the container's. Runs that contain each other contain nothing: somebody wrote that by hand.
named AS (
    SELECT DISTINCT r.parent AS id FROM runs r WHERE r.parent IS NOT NULL
),
elders AS (
    SELECT c.* FROM named n JOIN clocks c ON c.id = n.id
),
children AS (
    SELECT c.* FROM clocks c WHERE c.parent IS NOT NULL AND c.is_chosen
),
kin_1 AS (
    SELECT c.id, p.id AS outer_id, p.parent AS next_id, p.boot FROM children c JOIN elders p ON p.id = c.parent AND p.boot = c.boot
),
kin_2 AS (
    SELECT k.id, p.id AS outer_id, p.parent AS next_id, p.boot FROM kin_1 k JOIN elders p ON p.id = k.next_id AND p.boot = k.boot
),
kin_3 AS (
    SELECT k.id, p.id AS outer_id, p.parent AS next_id, p.boot FROM kin_2 k JOIN elders p ON p.id = k.next_id AND p.boot = k.boot
),
kin_4 AS (
    SELECT k.id, p.id AS outer_id, p.parent AS next_id, p.boot FROM kin_3 k JOIN elders p ON p.id = k.next_id AND p.boot = k.boot
),
kin AS (
    SELECT id, outer_id, 1 AS steps FROM kin_1
    UNION ALL SELECT id, outer_id, 2 AS steps FROM kin_2
    UNION ALL SELECT id, outer_id, 3 AS steps FROM kin_3
    UNION ALL SELECT id, outer_id, 4 AS steps FROM kin_4
),
lacking AS (
    SELECT DISTINCT k.id, k.outer_id
    FROM kin k
    JOIN devices d ON d.run_id = k.id
    LEFT JOIN devices o ON o.run_id = k.outer_id AND o.device_id = d.device_id
    WHERE (d.component = 'accelerators' OR d.device_id LIKE 'gpu:%') AND COALESCE(d.held_ratio, 1) <> 0 AND o.run_id IS NULL
),
within AS (
    SELECT k.id, MAX(k.steps) AS steps
    FROM kin k
    JOIN children c ON c.id = k.id
    JOIN elders o ON o.id = k.outer_id AND o.is_chosen
    LEFT JOIN lacking l ON l.id = k.id AND l.outer_id = k.outer_id
    LEFT JOIN kin loop ON loop.id = k.id AND loop.outer_id = k.id
    WHERE l.id IS NULL AND loop.id IS NULL AND (
        o.outcome = 'running' OR o.clock <> c.clock OR (
            c.started_us - c.offset_us >= o.started_us - o.offset_us - 1000000
            AND c.ended_us - c.offset_us <= o.ended_us - o.offset_us + 1000000
        )
    )
    GROUP BY k.id
),
