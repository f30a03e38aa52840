-- What people searched for most, and how often nothing was found
SELECT
    LOWER(query) AS search,
    COUNT(*) AS searches,
    COUNT(DISTINCT session_id) AS sessions,
    SUM(CASE WHEN results = 0 THEN 1 ELSE 0 END) AS found_nothing
FROM marketplace.search_performed
GROUP BY LOWER(query)
ORDER BY searches DESC, search ASC
LIMIT 5;
