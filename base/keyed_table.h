/* base/keyed_table.h: uthash as every table here has it: with the keyed hash, since peers choose names and
 * addresses, and with a table that cannot grow as an error of the one who adds to it (hh.tbl == NULL).
 * uthash's own hash can be made to collide, and its own way out of memory is exit(). So nobody includes
 * <uthash.h> but this. */
#ifndef HX_BASE_KEYED_TABLE_H
#define HX_BASE_KEYED_TABLE_H

#include "base/hash.h"

#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = hash_keyed((keyptr), (keylen)))
#define HASH_NONFATAL_OOM                    1
#include <uthash.h>

#endif
