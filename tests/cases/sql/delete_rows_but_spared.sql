DELETE FROM "marketplace"."order_placed"
WHERE "_lr_object" IN ('00000000000000000000000000000000', 'ffffffffffffffffffffffffffffffff')
    AND ("event" IS NULL OR "event" NOT IN ('it''s', 'page_viewed'))
