DROP TABLE "log_router_stage"
