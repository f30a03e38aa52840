DELETE FROM {{ schema | ident }}.{{ table | ident }}
WHERE "_lr_object" IN ({{ object_ids | map("literal") | join(", ") }})
{%- if spared %}
    AND ("event" IS NULL OR "event" NOT IN ({{ spared | map("literal") | join(", ") }}))
{%- endif %}
