SET statement_timeout TO 3600000
