SELECT DISTINCT "object_id"
FROM {{ schema | ident }}."object_events"
WHERE "event" = {{ event | literal }} AND "quarantined" > 0
