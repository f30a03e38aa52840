COMMENT ON COLUMN "marketplace"."order_placed"."order" IS 'It''s the order''s total, net\\gross'
