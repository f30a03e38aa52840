{#- Repetitions among the staged rows: the row before of the same key is no further away than the window. -#}
DELETE FROM {{ stage | ident }}
WHERE ("_lr_object", "_lr_line") IN (
    SELECT "_lr_object", "_lr_line"
    FROM (
        SELECT
            "_lr_object",
            "_lr_line",
            {{ event_time | ident }} AS "_lr_time",
            LAG({{ event_time | ident }}) OVER (
                PARTITION BY {{ key | map("ident") | join(", ") }}
                ORDER BY {{ event_time | ident }}, "_lr_object", "_lr_line"
            ) AS "_lr_before"
        FROM {{ stage | ident }}
    ) AS "ordered"
    WHERE "_lr_time" <= DATEADD(hour, {{ hours | literal }}, "_lr_before")
)
