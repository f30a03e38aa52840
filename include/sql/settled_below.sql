SELECT
    "object_id", "bucket", "object_key", "etag", "size_bytes", "batch_id",
    "lines", "rows_split", "quarantined", "unrouted", "blank", "settled_at", "written_at"
FROM {{ schema | ident }}."objects"
WHERE
    "bucket" = {{ bucket | literal }}
    AND (
    {%- for prefix in prefixes %}
        {{ "OR " if not loop.first }}LEFT("object_key", {{ prefix | length }}) = {{ prefix | literal }}
    {%- endfor %}
    )
