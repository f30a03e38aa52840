INSERT INTO {{ schema | ident }}."batches" (
    "batch_id", "label", "lane", "objects", "pending_objects", "size_bytes", "lines", "rows_split",
    "split_tasks", "split_seconds", "loads", "load_seconds", "planned_at"
)
VALUES ({{ entry | map("literal") | join(", ") }})
