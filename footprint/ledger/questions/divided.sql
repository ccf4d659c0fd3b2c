-- after: union
-- What each run read in each segment, and among how many it is divided.
grown AS (
    SELECT
        span, segment, MIN(member_of) AS member_of, MIN(se - sb) AS length_us,
        CAST(SUM(
            CASE WHEN lo = b AND hi = e THEN energy_mj ELSE
                CAST(FLOOR(CAST(energy_mj AS DOUBLE) * (hi - b) / (e - b) + 0.5) AS BIGINT)
                - CAST(FLOOR(CAST(energy_mj AS DOUBLE) * (lo - b) / (e - b) + 0.5) AS BIGINT)
            END
        ) AS BIGINT) AS grown_mj
    FROM atoms
    GROUP BY span, segment
),
members AS (
    SELECT segment, member_of, COUNT(*) AS members FROM grown WHERE grown_mj > 0 GROUP BY segment, member_of
),
programs AS (
    SELECT segment, COUNT(*) AS programs FROM members GROUP BY segment
),
divided AS (
    SELECT g.span, g.segment, g.grown_mj, g.length_us, m.members * p.programs AS divisor
    FROM grown g
    JOIN members m ON m.segment = g.segment AND m.member_of = g.member_of
    JOIN programs p ON p.segment = g.segment
    WHERE g.grown_mj > 0
),
