SELECT COUNT(*) FROM stv_slices WHERE "type" = 'D'
