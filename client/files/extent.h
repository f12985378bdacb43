/* client/files/extent.h: what stands in front of each piece of a file whose holes are sent as such: its
 * length, in 8 bytes as base/big_endian.h writes them; and EXTENT_HOLE if it is a hole, nothing of which
 * follows. */
#ifndef HX_CLIENT_FILES_EXTENT_H
#define HX_CLIENT_FILES_EXTENT_H

#include "base/big_endian.h"

#define EXTENT_HEAD 8
#define EXTENT_HOLE (UINT64_C(1) << 63)

#endif
