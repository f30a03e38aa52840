{{ config(materialized='view') }}
select kind, count(*) as products from {{ ref('dear') }} group by kind
