CREATE TEMPORARY TABLE "log_router_probe" (probe INTEGER)
