-- What was looked through stays so.
SELECT 1;
