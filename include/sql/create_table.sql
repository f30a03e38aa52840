{#- A required column is nullable here all the same: the split enforces it, and Redshift can't drop NOT NULL later. -#}
CREATE TABLE IF NOT EXISTS {{ schema | ident }}.{{ table | ident }} (
{%- for column in columns %}
    {{ column.name | ident }} {{ column.ddl | upper }} ENCODE {{ column.encoding | upper }},
{%- endfor %}
    "_lr_object" CHAR(32) NOT NULL ENCODE ZSTD,
    "_lr_line" BIGINT NOT NULL ENCODE AZ64,
    "_lr_batch" VARCHAR(64) NOT NULL ENCODE ZSTD
)
{%- if dist_key %}
DISTSTYLE KEY
DISTKEY ({{ dist_key | ident }})
{%- else %}
DISTSTYLE AUTO
{%- endif %}
{%- if sort_key %}
COMPOUND SORTKEY ({{ sort_key | map("ident") | join(", ") }})
{%- endif %}
