SET query_group TO 'log_router'
