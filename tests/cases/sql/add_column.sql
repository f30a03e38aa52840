ALTER TABLE "marketplace"."order_placed" ADD COLUMN "order" NUMERIC(12,2) ENCODE AZ64
