// Included by the BLAKE2 reference code: the portable path needs no setting.
