-- after: asked
-- How many runs are asked about, when the first of them began, the last began, and the last ended.
SELECT COUNT(*) AS runs, MIN(started_us) AS first_us, MAX(started_us) AS last_us, MAX(ended_us) AS ended_us FROM asked
