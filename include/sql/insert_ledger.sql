INSERT INTO {{ schema | ident }}.{{ ledger | ident }} (
    "object_id", "batch_id", "config_hash", "rows_loaded", "rows_dropped", "rows_refused", "loaded_at"
)
VALUES
{%- for entry in entries %}
    ({{ entry | map("literal") | join(", ") }}){{ "," if not loop.last }}
{%- endfor %}
