-- after: pieces
-- Pieces by the number of their class, with the kilowatt-hours that they come to in the middle; and the runs that count with
-- theirs, and with what they may be grouped by. `rates` and `aparts` are put in by who asks: what a unit of each part of a class
-- comes to, and the runs that were derived one by one.
rates AS (
    {rates}
),
aparts AS (
    {aparts}
),
numbered AS (
    SELECT
        p.id, p.owner, t.class, p.part_1, p.part_2, p.part_3, p.part_4, p.part_5,
        p.part_1 * t.kwh_1 + p.part_2 * t.kwh_2 + p.part_3 * t.kwh_3 + p.part_4 * t.kwh_4 + p.part_5 * t.kwh_5 AS kwh
    FROM pieces p
    JOIN rates t ON t.factor_key = p.factor_key AND t.component = p.component AND t.name = p.name AND t.meter = p.meter
        AND t.grade = p.grade AND t.held = p.held AND t.known = p.known AND t.edges = p.edges
),
booked_kwh AS (
    SELECT id, SUM(kwh) AS kwh FROM (SELECT id, kwh FROM numbered UNION ALL SELECT id, kwh FROM aparts) each_piece GROUP BY id
),
booked AS (
    SELECT
        {keys}r.id, r.factor_key, r.started_us, r.ended_us, COALESCE(r.cpu_read_s, 0.0) AS cpu_read_s,
        CAST(FLOOR(r.duration_s * 1000000 + 0.5) AS BIGINT) AS duration_us, COALESCE(g.kwh, 0.0) AS kwh
    FROM asked c
    JOIN runs r ON r.id = c.id
    LEFT JOIN within w ON w.id = c.id
    LEFT JOIN booked_kwh g ON g.id = c.id
    WHERE w.id IS NULL
),
