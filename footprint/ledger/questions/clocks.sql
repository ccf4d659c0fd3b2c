-- The runs, whether they are asked about, and the clock that their time is told by: the boot's, which all programs of one machine
-- share, else the one on the wall. `offset_us` is what that clock lies behind UTC. One of which the energy is not known
-- takes no joules from others, where it is asked for (`takes`).
clocks AS (
    SELECT
        r.id,
        r.parent,
        COALESCE(r.boot_id, '') AS boot,
        r.started_us,
        r.ended_us,
        r.outcome,
        r.background,
        ({chosen}) AS is_chosen,
        ({taking}) AS takes,
        CASE WHEN r.anchor_us IS NOT NULL AND r.boot_id IS NOT NULL THEN r.boot_id
            ELSE 'wall:' || COALESCE(r.boot_id, r.host) END AS clock,
        CASE WHEN r.anchor_us IS NOT NULL AND r.boot_id IS NOT NULL THEN r.anchor_us ELSE 0 END AS offset_us
    FROM runs r
),
