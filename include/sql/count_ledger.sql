SELECT COUNT(*) FROM {{ schema | ident }}.{{ ledger | ident }}
