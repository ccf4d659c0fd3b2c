-- after: ranked
-- The groups of the runs that were derived one by one.
SELECT {names}a.id FROM aparts a JOIN ranked r ON r.id = a.id
