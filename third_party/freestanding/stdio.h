// Included by the BLAKE2 reference code, which uses nothing of it.
