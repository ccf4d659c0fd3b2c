-- after: adjusted, asked, shared
-- What each run adds to the sums by factor key, in pieces: its host, each component that counters read, each accelerator, by the
-- class of `factor_key.DeviceClass`. `part_1` … `part_5` are
--   of the host: CPU-time of all CPUs that was reserved, s; active CPU-seconds
--   of what counters read: joules by activity; the same as mean power, W; seconds reserved; seconds by activity
--   of an accelerator: joules; mean power, W; seconds read; seconds of the run; seconds of the run, for the hours of its use
-- Runs that are derived one by one (`apart`) are not in it.
host_read AS (
    SELECT
        d.run_id, d.component, MIN(d.meter) AS meter, MIN(d.grade) AS grade, MIN(d.read_s) AS read_s,
        SUM(d.energy_mj) / 1000.0 AS read_j,
        SUM(d.energy_mj / 1000.0 / d.read_s) AS read_w,
        SUM(COALESCE(k.energy_mj, d.energy_mj)) / 1000.0 AS counted_j,
        SUM(COALESCE(k.energy_mj, d.energy_mj) / 1000.0 / d.read_s) AS counted_w,
        CASE WHEN COUNT(*) = COUNT(d.floor_w) THEN SUM(d.floor_w) END AS floor_w
    FROM asked c
    JOIN devices d ON d.run_id = c.id
    LEFT JOIN adjusted k ON k.run_id = d.run_id AND k.device_id = d.device_id
    WHERE d.component IN ('cpu', 'memory') AND d.energy_mj IS NOT NULL AND d.read_s > 0
    GROUP BY d.run_id, d.component
),
limited AS (
    SELECT h.run_id, h.component
    FROM host_read h
    JOIN runs r ON r.id = h.run_id
    WHERE LEAST(h.read_j / h.read_s, COALESCE(h.floor_w, h.read_j / h.read_s))
        < CASE WHEN h.component = 'cpu' THEN {cpu_limit_w} ELSE {memory_limit_w} END
),
apart AS (
    SELECT c.id
    FROM asked c
    LEFT JOIN within w ON w.id = c.id
    WHERE w.id IS NULL AND c.background
    UNION
    SELECT r.id
    FROM runs r
    JOIN asked c ON c.id = r.id
    LEFT JOIN within w ON w.id = r.id
    WHERE w.id IS NULL AND r.factor_key LIKE 'x%'
    UNION
    SELECT l.run_id AS id
    FROM limited l
    LEFT JOIN within w ON w.id = l.run_id
    WHERE w.id IS NULL
),
counting AS (
    SELECT
        {keys}r.id, r.factor_key, r.host, r.duration_s, r.cpu_read_s,
        CASE WHEN r.logical_cpus > 0 THEN LEAST(1.0, r.reserved_cpus / r.logical_cpus) END AS reserved_ratio,
        r.tree_s, GREATEST(r.busy_s, r.tree_s) AS busy_s,
        COALESCE(s.of_all, 1.0) AS of_all, COALESCE(s.of_own, 1.0) AS of_own
    FROM asked c
    JOIN runs r ON r.id = c.id
    LEFT JOIN within w ON w.id = c.id
    LEFT JOIN apart a ON a.id = c.id
    LEFT JOIN shared s ON s.run_id = c.id AND s.thing = 'cpus'
    WHERE w.id IS NULL AND a.id IS NULL
),
pieces AS (
    SELECT
        {key_names}id, factor_key, host AS owner, 'host' AS component, '' AS name, '' AS meter, '' AS grade, 1 AS held, 1 AS known,
        0 AS edges,
        CASE WHEN {machine} THEN cpu_read_s ELSE cpu_read_s * reserved_ratio END * of_all AS part_1,
        CASE WHEN {machine} THEN busy_s * of_all ELSE tree_s * of_own END AS part_2,
        0.0 AS part_3, 0.0 AS part_4, 0.0 AS part_5
    FROM counting
    WHERE cpu_read_s IS NOT NULL
    UNION ALL
    SELECT
        {key_names}id, factor_key, host AS owner, h.component, '' AS name, h.meter, h.grade, 1 AS held, 1 AS known, 0 AS edges,
        CASE WHEN {machine} THEN h.counted_j WHEN busy_s > 0 THEN h.read_j * (tree_s * of_own / busy_s) ELSE 0.0 END AS part_1,
        CASE WHEN {machine} THEN h.counted_w WHEN busy_s > 0 THEN h.read_w * (tree_s * of_own / busy_s) ELSE 0.0 END AS part_2,
        CASE WHEN {machine} THEN 0.0 ELSE h.read_s * reserved_ratio * of_all END AS part_3,
        CASE WHEN {machine} THEN 0.0 WHEN busy_s > 0 THEN h.read_s * (tree_s * of_own / busy_s) ELSE 0.0 END AS part_4,
        0.0 AS part_5
    FROM counting
    JOIN host_read h ON h.run_id = id
    UNION ALL
    SELECT
        {key_names}q.id, q.factor_key, q.host || '/' || d.device_id AS owner, d.component, d.name, d.meter, d.grade,
        CASE WHEN d.held_ratio IS NULL THEN 2 WHEN d.held_ratio = 0 THEN 0 ELSE 1 END AS held,
        CASE WHEN d.energy_mj IS NULL THEN 0 ELSE 1 END AS known,
        CASE WHEN d.grade = 'model' AND d.energy_mj IS NULL THEN -1 WHEN d.read_s < 0.01 THEN 0 WHEN d.read_s < 0.1 THEN 1
            WHEN d.read_s < 1.0 THEN 2 WHEN d.read_s < 2.0 THEN 3 WHEN d.read_s < 4.0 THEN 4 WHEN d.read_s < 8.0 THEN 5
            WHEN d.read_s < 16.0 THEN 6 WHEN d.read_s < 32.0 THEN 7 WHEN d.read_s < 64.0 THEN 8 WHEN d.read_s < 128.0 THEN 9
            ELSE 10 END AS edges,
        COALESCE(k.energy_mj, d.energy_mj, 0) / 1000.0 AS part_1,
        CASE WHEN d.read_s > 0 THEN COALESCE(k.energy_mj, d.energy_mj, 0) / 1000.0 / d.read_s ELSE 0.0 END AS part_2,
        d.read_s * COALESCE(s.of_all, 1.0) AS part_3,
        q.duration_s * CASE WHEN d.energy_mj > 0 THEN CAST(COALESCE(k.energy_mj, d.energy_mj) AS DOUBLE) / d.energy_mj ELSE 1.0 END AS part_4,
        q.duration_s * COALESCE(s.of_all, 1.0) AS part_5
    FROM counting q
    JOIN devices d ON d.run_id = q.id AND d.component = 'accelerators'
    LEFT JOIN adjusted k ON k.run_id = d.run_id AND k.device_id = d.device_id
    LEFT JOIN shared s ON s.run_id = d.run_id AND s.thing = d.device_id
),
