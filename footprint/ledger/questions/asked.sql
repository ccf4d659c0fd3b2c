-- after: clocks
-- The runs that are asked about.
asked AS (
    SELECT c.* FROM clocks c WHERE c.is_chosen
),
