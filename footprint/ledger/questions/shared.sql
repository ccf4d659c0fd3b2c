-- after: within, asked
-- What of the time with a thing counts of each run that shares it with others: the CPUs of a machine (`cpus`), or an accelerator.
-- At each moment a program takes what was reserved to it, and its runs divide that; where programs together would take more than
-- there is, each is given proportionally less (`of_all`). Of what is its own alone (the CPU-seconds of its tree) a run takes a
-- part only where runs of the same program, or one that contains it, see the same (`of_own`). Runs that share nothing have no row.
--
-- Begins and ends are laid along the clock; what counts from a moment on to the next is added up (`share_us`, `own_us`), so that
-- a run's part is the difference of two sums.
reserved AS (
    SELECT
        c.id AS run_id, c.clock, CASE WHEN r.journal_id = '' THEN r.id ELSE r.journal_id END AS program,
        c.started_us - c.offset_us AS b, c.ended_us - c.offset_us AS e,
        CASE WHEN {machine} THEN 1.0 ELSE LEAST(1.0, r.reserved_cpus / r.logical_cpus) END AS taken
    FROM asked c
    JOIN runs r ON r.id = c.id
    LEFT JOIN within w ON w.id = c.id
    WHERE w.id IS NULL AND NOT c.background AND r.cpu_read_s IS NOT NULL AND r.logical_cpus > 0
        AND r.factor_key NOT IN ({unknown})
),
-- Numbers are sorted far quicker than names.
clock_numbers AS (
    SELECT clock, ROW_NUMBER() OVER (ORDER BY clock) AS machine FROM (SELECT DISTINCT clock FROM asked) known
),
loads AS (
    SELECT
        machine,
        SUM(taken) OVER (PARTITION BY machine ORDER BY t, step ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS all_taken
    FROM (
        SELECT n.machine, h.b AS t, 1 AS step, h.taken FROM reserved h JOIN clock_numbers n ON n.clock = h.clock WHERE h.e > h.b
        UNION ALL
        SELECT n.machine, h.e AS t, -1 AS step, -h.taken AS taken
        FROM reserved h JOIN clock_numbers n ON n.clock = h.clock WHERE h.e > h.b
    ) edge
),
-- The machines whose CPUs have to be shared: those that were ever promised to more than there are (by more than what rounding
-- does), and those on which a program had several runs, or a run was started in another. On the others each run has its own.
crowded AS (
    SELECT n.clock
    FROM clock_numbers n
    JOIN (SELECT machine FROM loads GROUP BY machine HAVING MAX(all_taken) > 1.000000001) l ON l.machine = n.machine
    UNION
    SELECT clock FROM reserved GROUP BY clock, program HAVING COUNT(*) > 1
    UNION
    SELECT c.clock FROM kin k JOIN children c ON c.id = k.id
),
things AS (
    SELECT thing, ROW_NUMBER() OVER (ORDER BY thing) AS number
    FROM (SELECT DISTINCT device_id AS thing FROM devices WHERE component = 'accelerators' UNION SELECT 'cpus' AS thing) known
),
holdings AS (
    SELECT n.number AS thing, m.machine, h.run_id, h.b, h.e, h.taken, 1 AS is_cpus
    FROM reserved h
    JOIN crowded w ON w.clock = h.clock
    JOIN clock_numbers m ON m.clock = h.clock
    CROSS JOIN things n
    WHERE n.thing = 'cpus'
    UNION ALL
    SELECT
        n.number AS thing, m.machine, c.id AS run_id, c.started_us - c.offset_us AS b, c.ended_us - c.offset_us AS e,
        1.0 AS taken, 0 AS is_cpus
    FROM asked c
    JOIN clock_numbers m ON m.clock = c.clock
    JOIN devices d ON d.run_id = c.id
    JOIN things n ON n.thing = d.device_id
    LEFT JOIN within w ON w.id = c.id
    WHERE w.id IS NULL AND NOT c.background AND d.component = 'accelerators' AND ({held})
),
-- Clocks are compared last: joined by them, each run would meet all of its machine.
inner_runs AS (
    SELECT k.id, MAX(CASE WHEN o.clock = c.clock THEN o.ended_us - o.offset_us END) AS until
    FROM kin k
    JOIN children c ON c.id = k.id
    JOIN elders o ON o.id = k.outer_id
    JOIN runs r ON r.id = o.id
    LEFT JOIN kin loop ON loop.id = k.id AND loop.outer_id = k.id
    WHERE o.is_chosen AND loop.id IS NULL AND r.cpu_read_s IS NOT NULL AND r.factor_key NOT IN ({unknown})
    GROUP BY k.id
),
laid_out AS (
    SELECT
        h.thing, h.machine, h.run_id, h.taken, h.b, h.e,
        CASE WHEN h.is_cpus = 1 AND i.until > h.b THEN LEAST(i.until, h.e) ELSE h.b END AS cut,
        MAX(h.e) OVER (
            PARTITION BY h.thing, h.machine ORDER BY h.b, h.e, h.run_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before_e,
        LEAD(h.b) OVER (PARTITION BY h.thing, h.machine ORDER BY h.b, h.e, h.run_id) AS next_b
    FROM holdings h
    LEFT JOIN inner_runs i ON i.id = h.run_id
    WHERE h.e > h.b
),
overlapping AS (
    SELECT
        l.thing, CASE WHEN r.journal_id = '' THEN r.id ELSE r.journal_id END AS program, l.run_id, l.taken, l.b, l.e, l.cut,
        ROW_NUMBER() OVER (ORDER BY l.thing, l.machine, l.b, l.e, l.run_id) AS place,
        CAST(SUM(CASE WHEN l.before_e > l.b THEN 0 ELSE 1 END) OVER (
            ORDER BY l.thing, l.machine, l.b, l.e, l.run_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS BIGINT) AS together
    FROM laid_out l
    JOIN runs r ON r.id = l.run_id
    WHERE l.before_e > l.b OR l.next_b < l.e OR l.cut > l.b
),
crowds AS (
    SELECT together, program, MIN(place) AS crowd, MAX(taken) AS most, COUNT(*) AS many FROM overlapping GROUP BY together, program
),
sharing AS (
    SELECT o.together, o.place, o.cut, o.e, c.crowd, c.most, c.many
    FROM overlapping o
    JOIN crowds c ON c.together = o.together AND c.program = o.program
    WHERE o.cut < o.e
),
steps AS (
    SELECT s.together, s.place, s.crowd, s.most, s.many, k.step, CASE WHEN k.step = 1 THEN s.cut ELSE s.e END AS t
    FROM sharing s
    CROSS JOIN (SELECT 1 AS step UNION ALL SELECT -1 AS step) k
),
-- One window over all is far quicker than one for each program; a program's steps add up to nothing.
running AS (
    SELECT together, place, crowd, most, many, step, t, CASE WHEN step = 1 THEN 1 ELSE 0 END AS members FROM steps WHERE many = 1
    UNION ALL
    SELECT
        together, place, crowd, most, many, step, t,
        CAST(SUM(step) OVER (ORDER BY crowd, t, step, place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS members
    FROM steps
    WHERE many > 1
),
taken_by AS (
    SELECT
        together, place, crowd, many, step, t, members,
        SUM(CASE WHEN step = 1 AND members = 1 THEN most WHEN step = -1 AND members = 0 THEN -most ELSE 0.0 END) OVER (
            ORDER BY together, t, step, place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS all_taken,
        CASE WHEN LEAD(together) OVER (ORDER BY together, t, step, place) = together
            THEN LEAD(t) OVER (ORDER BY together, t, step, place) - t ELSE 0 END AS lasts_us
    FROM running
),
shared_out AS (
    SELECT
        place, crowd, many, step, t, members,
        COALESCE(SUM(lasts_us / GREATEST(1.0, all_taken)) OVER (
            ORDER BY together, t, step, place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0.0) AS share_us
    FROM taken_by
),
grown_to AS (
    SELECT
        place, crowd, step, t,
        (LEAD(share_us) OVER (ORDER BY crowd, t, step, place) - share_us) / GREATEST(1, members) AS share_step,
        CAST(LEAD(t) OVER (ORDER BY crowd, t, step, place) - t AS DOUBLE) / GREATEST(1, members) AS own_step,
        members
    FROM shared_out
    WHERE many > 1
),
sums_to AS (
    SELECT
        place, step,
        COALESCE(SUM(CASE WHEN members > 0 THEN share_step ELSE 0.0 END) OVER (
            ORDER BY crowd, t, step, place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0.0) AS share_us,
        COALESCE(SUM(CASE WHEN members > 0 THEN own_step ELSE 0.0 END) OVER (
            ORDER BY crowd, t, step, place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0.0) AS own_us
    FROM grown_to
),
parts_of AS (
    SELECT place, SUM(-step * share_us) AS share_us, CAST(SUM(-step * t) AS DOUBLE) AS own_us
    FROM shared_out WHERE many = 1 GROUP BY place
    UNION ALL
    SELECT place, SUM(-step * share_us) AS share_us, SUM(-step * own_us) AS own_us FROM sums_to GROUP BY place
),
shared AS (
    SELECT
        o.run_id, n.thing,
        GREATEST(0.0, COALESCE(p.share_us, 0.0) / (o.e - o.b)) AS of_all,
        GREATEST(0.0, COALESCE(p.own_us, 0.0) / (o.e - o.b)) AS of_own
    FROM overlapping o
    JOIN things n ON n.number = o.thing
    LEFT JOIN parts_of p ON p.place = o.place
),
