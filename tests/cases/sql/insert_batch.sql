INSERT INTO "log_router"."batches" (
    "batch_id", "label", "lane", "objects", "pending_objects", "size_bytes", "lines", "rows_split",
    "split_tasks", "split_seconds", "loads", "load_seconds", "planned_at"
)
VALUES ('20260131-0123456789abcdef', '20260131', 'backfill', 9, 1, 10, 6, 3, 2, 12.345, 4, 0.5, TIMESTAMP '2026-01-31 13:00:07.250000')
