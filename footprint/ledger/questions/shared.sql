-- after: within, asked
-- What of the time with a thing counts of each run that shares it with others: the CPUs of a machine (`cpus`), or an accelerator.
-- At each moment a program takes what was reserved to it, and its runs divide that; where programs together would take more than
-- there is, each is given proportionally less (`of_all`). Of what is its own alone (the CPU-seconds of its tree) a run takes a
-- part only where runs of the same program, or one that contains it, see the same (`of_own`). Runs that share nothing have no row.
--
-- Begins and ends are laid along the clock; what counts from a moment on to the next is added up (`share_us`, `own_us`), so that
-- a run's part is the difference of two sums.
holdings AS (
    SELECT
        'cpus' AS thing, c.clock, CASE WHEN r.journal_id = '' THEN r.id ELSE r.journal_id END AS program, c.id AS run_id,
        c.started_us - c.offset_us AS b, c.ended_us - c.offset_us AS e,
        CASE WHEN {machine} THEN 1.0 ELSE LEAST(1.0, r.reserved_cpus / r.logical_cpus) END AS taken
    FROM asked c
    JOIN runs r ON r.id = c.id
    LEFT JOIN within w ON w.id = c.id
    WHERE w.id IS NULL AND NOT c.background AND r.cpu_read_s IS NOT NULL AND r.logical_cpus > 0
        AND r.factor_key NOT IN ({unknown})
    UNION ALL
    SELECT
        d.device_id AS thing, c.clock, CASE WHEN r.journal_id = '' THEN r.id ELSE r.journal_id END AS program, c.id AS run_id,
        c.started_us - c.offset_us AS b, c.ended_us - c.offset_us AS e,
        1.0 AS taken
    FROM asked c
    JOIN runs r ON r.id = c.id
    JOIN devices d ON d.run_id = c.id
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
        h.thing, h.clock, h.program, h.run_id, h.taken, h.b, h.e,
        CASE WHEN h.thing = 'cpus' AND i.until > h.b THEN LEAST(i.until, h.e) ELSE h.b END AS cut,
        MAX(h.e) OVER (
            PARTITION BY h.thing, h.clock ORDER BY h.b, h.e, h.run_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before_e,
        LEAD(h.b) OVER (PARTITION BY h.thing, h.clock ORDER BY h.b, h.e, h.run_id) AS next_b
    FROM holdings h
    LEFT JOIN inner_runs i ON i.id = h.run_id
    WHERE h.e > h.b
),
overlapping AS (
    SELECT
        thing, program, run_id, taken, b, e, cut,
        ROW_NUMBER() OVER (ORDER BY thing, clock, b, e, run_id) AS place,
        CAST(SUM(CASE WHEN before_e > b THEN 0 ELSE 1 END) OVER (
            ORDER BY thing, clock, b, e, run_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS BIGINT) AS together
    FROM laid_out
    WHERE before_e > b OR next_b < e OR cut > b
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
        o.run_id, o.thing,
        GREATEST(0.0, COALESCE(p.share_us, 0.0) / (o.e - o.b)) AS of_all,
        GREATEST(0.0, COALESCE(p.own_us, 0.0) / (o.e - o.b)) AS of_own
    FROM overlapping o
    LEFT JOIN parts_of p ON p.place = o.place
),
