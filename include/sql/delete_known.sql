{#- Repetitions of rows that are in the table: the key is the same, the times are no further apart than the window. -#}
DELETE FROM {{ stage | ident }}
WHERE ("_lr_object", "_lr_line") IN (
    SELECT "new"."_lr_object", "new"."_lr_line"
    FROM {{ stage | ident }} AS "new"
    INNER JOIN {{ schema | ident }}.{{ table | ident }} AS "old"
        ON
            "new".{{ event_time | ident }} <= DATEADD(hour, {{ hours | literal }}, "old".{{ event_time | ident }})
            AND "old".{{ event_time | ident }} <= DATEADD(hour, {{ hours | literal }}, "new".{{ event_time | ident }})
{%- for column in key %}
            AND "new".{{ column | ident }} = "old".{{ column | ident }}
{%- endfor %}
)
