ALTER TABLE "marketplace"."order_placed" ALTER COLUMN "note" TYPE VARCHAR(64)
