DELETE FROM {{ schema | ident }}."batches"
WHERE "batch_id" = {{ batch_id | literal }}
