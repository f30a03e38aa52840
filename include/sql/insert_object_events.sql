INSERT INTO {{ schema | ident }}."object_events" (
    "object_id", "event", "event_type", "rows_split", "quarantined", "unrouted", "loaded_at", "lane"
)
VALUES
{%- for entry in entries %}
    ({{ entry | map("literal") | join(", ") }}){{ "," if not loop.last }}
{%- endfor %}
