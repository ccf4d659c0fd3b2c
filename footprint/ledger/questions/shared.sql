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
inner_runs AS (
    SELECT k.id, MAX(o.ended_us - o.offset_us) AS until
    FROM kin k
    JOIN asked c ON c.id = k.id
    JOIN asked o ON o.id = k.outer_id AND o.clock = c.clock
    JOIN runs r ON r.id = o.id AND r.cpu_read_s IS NOT NULL AND r.factor_key NOT IN ({unknown})
    LEFT JOIN kin loop ON loop.id = k.id AND loop.outer_id = k.id
    WHERE loop.id IS NULL
    GROUP BY k.id
),
laid_out AS (
    SELECT
        h.thing, h.clock, h.program, h.run_id, h.taken, h.b, h.e,
        CASE WHEN h.thing = 'cpus' AND i.until > h.b THEN LEAST(i.until, h.e) ELSE h.b END AS cut,
        MAX(h.e) OVER (
            PARTITION BY h.thing, h.clock ORDER BY h.b, h.e ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before_e,
        LEAD(h.b) OVER (PARTITION BY h.thing, h.clock ORDER BY h.b, h.e) AS next_b
    FROM holdings h
    LEFT JOIN inner_runs i ON i.id = h.run_id
    WHERE h.e > h.b
),
overlapping AS (
    SELECT
        *,
        MAX(taken) OVER (PARTITION BY thing, clock, program) AS most,
        SUM(CASE WHEN before_e > b THEN 0 ELSE 1 END) OVER (
            ORDER BY thing, clock, b, e, run_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS together
    FROM laid_out
    WHERE before_e > b OR next_b < e OR cut > b
),
steps AS (
    SELECT together, program, run_id, cut AS t, 1 AS step, most FROM overlapping WHERE cut < e
    UNION ALL
    SELECT together, program, run_id, e AS t, -1 AS step, most FROM overlapping WHERE cut < e
),
running AS (
    SELECT
        *,
        SUM(step) OVER (
            PARTITION BY together, program ORDER BY t, step, run_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS members
    FROM steps
),
taken_by AS (
    SELECT
        *,
        SUM(CASE WHEN step = 1 AND members = 1 THEN most WHEN step = -1 AND members = 0 THEN -most ELSE 0.0 END) OVER (
            PARTITION BY together ORDER BY t, step, run_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS taken,
        COALESCE(LEAD(t) OVER (PARTITION BY together ORDER BY t, step, run_id) - t, 0) AS lasts_us
    FROM running
),
shared_out AS (
    SELECT
        *,
        SUM(lasts_us / GREATEST(1.0, taken)) OVER (
            PARTITION BY together ORDER BY t, step, run_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - lasts_us / GREATEST(1.0, taken) AS share_us
    FROM taken_by
),
grown_to AS (
    SELECT
        *,
        COALESCE(LEAD(share_us) OVER (PARTITION BY together, program ORDER BY t, step, run_id) - share_us, 0) / GREATEST(1, members)
            AS share_step,
        CAST(COALESCE(LEAD(t) OVER (PARTITION BY together, program ORDER BY t, step, run_id) - t, 0) AS DOUBLE)
            / GREATEST(1, members) AS own_step
    FROM shared_out
),
sums_to AS (
    SELECT
        together, run_id, step,
        SUM(share_step) OVER (
            PARTITION BY together, program ORDER BY t, step, run_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - share_step AS share_us,
        SUM(own_step) OVER (
            PARTITION BY together, program ORDER BY t, step, run_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - own_step AS own_us
    FROM grown_to
),
shared AS (
    SELECT
        o.run_id, o.thing,
        GREATEST(0.0, COALESCE(s.share_us, 0.0) / (o.e - o.b)) AS of_all,
        GREATEST(0.0, COALESCE(s.own_us, 0.0) / (o.e - o.b)) AS of_own
    FROM overlapping o
    LEFT JOIN (
        SELECT together, run_id, SUM(step * -share_us) AS share_us, SUM(step * -own_us) AS own_us FROM sums_to GROUP BY together, run_id
    ) s ON s.run_id = o.run_id AND s.together = o.together
),
