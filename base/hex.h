/* base/hex.h: bytes as hex digits. Pure. */
#ifndef HX_BASE_HEX_H
#define HX_BASE_HEX_H

#include <stddef.h>

#define HEX_DIGITS "0123456789abcdef" /* as they are written here */

int hex_value(char c); /* 0 to 15, of either case; -1: no hex digit */
/* out[2 * len] and a NUL behind them. */
void hex_write(char *out, const void *data, size_t len);
/* Of `len` bytes the 2 * len digits of either case that `text` begins with; nothing is read behind a NUL, nor
 * behind those. HX_OK or HX_EPROTO; `out` then has what stood before the fault. */
int hex_read(void *out, const char *text, size_t len);

#endif
