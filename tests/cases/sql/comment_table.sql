COMMENT ON TABLE "marketplace"."order_placed" IS 'A buyer paid; "placed"'
