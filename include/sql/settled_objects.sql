SELECT "object_id"
FROM {{ schema | ident }}."objects"
WHERE
    "object_id" IN ({{ object_ids | map("literal") | join(", ") }})
{%- if event_types %}
    AND "object_id" NOT IN (
        SELECT "object_id"
        FROM {{ schema | ident }}."object_events"
        WHERE "unrouted" > 0 AND "event_type" IN ({{ event_types | map("literal") | join(", ") }})
    )
{%- endif %}
