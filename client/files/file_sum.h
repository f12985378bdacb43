/* client/files/file_sum.h: what sum stands behind the bytes of one file on its way: SHA-256, or what the
 * request's field "hx-sum: gmac KEY" says (KEY: 32 hex digits): a GMAC under that key, and 16 zeros.
 *
 * The connection is authenticated, so the sum is there for what goes wrong at its ends: bytes that were held
 * from before and are of another file, a disk, ourselves. Who asks makes a new random key for each file.
 *
 * Of a file whose holes are sent as such (client/files/extent.h) it is, of either kind, the sum of its
 * blocks: of each block of FILE_SUM_BLOCK bytes (the last one may be shorter) that has a byte other than 0
 * its place (8 bytes, the highest first) and the block, and at the end the size of the file (8 bytes). So
 * holes cost nothing, and it is the same wherever a file has holes or zeros. */
#ifndef HX_CLIENT_FILES_FILE_SUM_H
#define HX_CLIENT_FILES_FILE_SUM_H

#include "client/files/block_queue.h"
#include "client/mux/mux.h"
#include "secure/digest.h"

#define FILE_SUM_FIELD "hx-sum"
#define FILE_SUM_OFFER "gmac" /* the field's value in the answers of who knows it */
#define FILE_SUM_TEXT  (sizeof FILE_SUM_OFFER + 1 + 2 * DIGEST_KEY_BYTES) /* bytes with NUL */

#define FILE_SUM_BLOCK 4096

struct file_sum_kind { /* zeroed: SHA-256 */
    bool keyed;
    uint8_t key[DIGEST_KEY_BYTES];
};

struct file_sum {
    struct digest digest;
    bool by_blocks; /* set before the first byte */
    int64_t at;     /* bytes so far */
    size_t held;    /* of them, the beginning of a block: */
    uint8_t block[FILE_SUM_BLOCK];
};

/* With a new key. Without randomness it stays SHA-256. */
void file_sum_make(struct file_sum_kind *k);
/* The field's value, of a keyed one. */
void file_sum_format(char out[FILE_SUM_TEXT], const struct file_sum_kind *k);
/* As the message says. HX_EINVAL: of a kind that we do not know, or malformed. */
int file_sum_parse(struct file_sum_kind *out, const struct mux_message *m);
bool file_sum_is_offered(const struct mux_message *answer);

/* As those of secure/digest.h. */
int file_sum_init(struct file_sum *s);                               /* of SHA-256 */
int file_sum_use(struct file_sum *s, const struct file_sum_kind *k); /* before the first byte. HX_ENOMEM */
void file_sum_update(struct file_sum *s, const void *data, size_t len);
void file_sum_skip(struct file_sum *s, int64_t len); /* so many zeros; by blocks, in no time */
/* One turn of adding what a file has from *at, which it moves, to `end`. HX_OK: all of that; HX_EAGAIN: call
 * it again; HX_EEOF: it ends before; HX_ESYS. */
int file_sum_read(struct file_sum *s, int fd, int64_t *at, int64_t end, uint8_t buffer[BLOCK_BYTES]);
int file_sum_final(struct file_sum *s, uint8_t out[DIGEST_BYTES]);
void file_sum_free(struct file_sum *s);

#endif
