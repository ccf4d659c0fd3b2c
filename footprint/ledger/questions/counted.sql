-- after: adjusted
-- Each device of the chosen runs with what counts of it: null where nothing was read, 0 of a contained run and of what a run
-- never held.
counted AS (
    SELECT
        d.run_id, d.device_id, d.component, d.energy_mj AS read_mj,
        CASE
            WHEN d.energy_mj IS NULL THEN NULL
            WHEN a.run_id IS NOT NULL THEN a.energy_mj
            WHEN w.id IS NOT NULL OR NOT ({held}) THEN 0
            ELSE d.energy_mj
        END AS energy_mj,
        CASE
            WHEN a.run_id IS NOT NULL THEN a.length_us
            WHEN d.energy_mj IS NULL OR w.id IS NOT NULL OR NOT ({held}) THEN 0
            ELSE d.end_us - d.begin_us
        END AS length_us,
        w.id IS NOT NULL AS is_within,
        d.energy_mj > 0 AND w.id IS NULL AND a.run_id IS NULL AND ({held}) AS is_whole,
        d.begin_us, d.end_us, d.device_key, d.name, d.floor_w
    FROM devices d
    LEFT JOIN adjusted a ON a.run_id = d.run_id AND a.device_id = d.device_id
    LEFT JOIN within w ON w.id = d.run_id
),
