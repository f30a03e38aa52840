INSERT INTO {{ schema | ident }}."object_events" (
    "object_id", "event", "event_type", "rows_split", "quarantined", "unrouted"
)
VALUES
{%- for entry in entries %}
    ({{ entry | map("literal") | join(", ") }}){{ "," if not loop.last }}
{%- endfor %}
