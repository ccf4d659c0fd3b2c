-- after: booked
-- The runs that count, with the place of their group in each dimension (-1: one of the rest).
ranks AS (
    {ranks}
),
ranked AS (
    SELECT {places}b.id, b.factor_key, b.started_us, b.ended_us, b.cpu_read_s, b.duration_us
    FROM booked b
    {joined}
),
