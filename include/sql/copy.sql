COPY {{ target | map("ident") | join(".") }} ({{ columns | map("ident") | join(", ") }})
FROM {{ manifest | literal }}
IAM_ROLE {{ "DEFAULT" if iam_role == "default" else iam_role | literal }}
{%- if region %}
REGION {{ region | literal }}
{%- endif %}
MANIFEST
FORMAT AS JSON 'auto'
{{ compression | upper }}
TIMEFORMAT 'auto'
DATEFORMAT 'auto'
COMPUPDATE OFF
STATUPDATE OFF
MAXERROR {{ max_errors | literal }}
{%- if rehearsal %}
NOLOAD
{%- endif %}
