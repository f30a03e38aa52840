-- Why payments failed, and whether trying again could help
SELECT
    code,
    COUNT(*) AS failures,
    COUNT(DISTINCT session_id) AS sessions,
    SUM(CASE WHEN retryable THEN 1 ELSE 0 END) AS worth_a_retry
FROM marketplace.payment_failed
GROUP BY code
ORDER BY failures DESC, code ASC
LIMIT 5;
