/* base/preview.h: the first bytes of a stream, known before it brings them. They are read ahead of it, and
 * what it brings then is compared with them and dropped. No I/O, no allocation. */
#ifndef HX_BASE_PREVIEW_H
#define HX_BASE_PREVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct preview { /* zeroed: nothing is known */
    const uint8_t *bytes;
    size_t len;
    size_t read;   /* of them, by the reader */
    size_t passed; /* of them, that the stream has brought as well */
};

/* Returns how many bytes were put into `buf`; 0: there are none, the stream is to be read. */
size_t preview_read(struct preview *p, uint8_t *buf, size_t len);
/* The stream's next `len` bytes have come. Returns how many of them are new, moved to the front of `buf`;
 * HX_EPROTO: they are not those that were known. All of these must have been read. */
ssize_t preview_pass(struct preview *p, uint8_t *buf, size_t len);
/* Nothing of it is left to read or to compare. */
bool preview_done(const struct preview *p);

#endif
