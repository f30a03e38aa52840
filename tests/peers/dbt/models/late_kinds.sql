{{ config(materialized='view', bind=false) }}
select kind, listagg(name, ', ') within group (order by name) as names from {{ ref('dear') }} group by kind
