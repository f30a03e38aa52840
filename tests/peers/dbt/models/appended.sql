{{ config(materialized='incremental', incremental_strategy='append') }}
select id, name, '{{ var("day") }}'::varchar(10) as day from {{ ref('products') }}
{% if is_incremental() %}
where id >= 2
union all
select 4, 'Vase', '{{ var("day") }}'
{% endif %}
