SELECT "_lr_object", COUNT(*)
FROM {{ stage | ident }}
GROUP BY "_lr_object"
