INSERT INTO {{ schema | ident }}."objects" (
    "object_id", "bucket", "object_key", "etag", "size_bytes", "batch_id",
    "lines", "rows_split", "quarantined", "unrouted", "blank", "written_at"
)
VALUES
{%- for entry in entries %}
    ({{ entry | map("literal") | join(", ") }}){{ "," if not loop.last }}
{%- endfor %}
