/* server/hash.h: the hash of every table that is keyed by what peers choose. */
#ifndef HX_SERVER_HASH_H
#define HX_SERVER_HASH_H

#include <stddef.h>

/* SipHash-2-4 with a key drawn once per process: nobody outside can make names or addresses collide. */
unsigned hash_keyed(const void *data, size_t len);

/* uthash takes these in place of its own; a table that cannot grow says so in hh.tbl == NULL. */
#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = hash_keyed((keyptr), (keylen)))
#define HASH_NONFATAL_OOM                    1

#endif
