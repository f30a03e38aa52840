SELECT "_lr_object", COUNT(*), COUNT(DISTINCT "_lr_line")
FROM "marketplace"."order_placed"
WHERE "_lr_object" IN ('00000000000000000000000000000000', 'ffffffffffffffffffffffffffffffff')
GROUP BY "_lr_object"
