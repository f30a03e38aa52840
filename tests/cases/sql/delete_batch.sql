DELETE FROM "log_router"."batches"
WHERE "batch_id" = '20260131-0123456789abcdef'
