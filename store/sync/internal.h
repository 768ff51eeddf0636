#ifndef SO_STORE_SYNC_INTERNAL_H_
#define SO_STORE_SYNC_INTERNAL_H_

// What sender and receiver must agree on. docs/formats.md, "Transfer".

#define SO_PACK_MAGIC "SOPK"
#define SO_PACK_VERSION 1

#endif  // SO_STORE_SYNC_INTERNAL_H_
