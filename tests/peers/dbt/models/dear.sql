{{ config(
    materialized='table', dist='id', sort=['price', 'id'],
    persist_docs={'relation': true, 'columns': true}
) }}
select id, name, price, case when price > 50 then 'dear' else 'cheap' end as kind
from {{ ref('products') }}
where price is not null
