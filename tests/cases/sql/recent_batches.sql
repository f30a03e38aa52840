SELECT
    "objects" + "pending_objects",
    "size_bytes",
    "split_tasks",
    "split_seconds",
    "loads",
    "load_seconds",
    DATEDIFF(second, "planned_at", "settled_at"),
    "settled_at"
FROM "log_router"."batches"
WHERE
    "lane" <> 'stream'
    AND "split_tasks" > 0
    AND "loads" > 0
ORDER BY "settled_at" DESC
LIMIT 1000
