/* client/files/file_sum.h: what sum stands behind the bytes of one file on its way: SHA-256, or what the
 * request's field "hx-sum: gmac KEY" says (KEY: 32 hex digits): a GMAC under that key, and 16 zeros.
 *
 * The connection is authenticated, so the sum is there for what goes wrong at its ends: bytes that were held
 * from before and are of another file, a disk, ourselves. Who asks makes a new random key for each file. */
#ifndef HX_CLIENT_FILES_FILE_SUM_H
#define HX_CLIENT_FILES_FILE_SUM_H

#include "client/mux/mux.h"
#include "secure/digest.h"

#define FILE_SUM_FIELD "hx-sum"
#define FILE_SUM_OFFER "gmac" /* the field's value in the answers of who knows it */
#define FILE_SUM_TEXT  (sizeof FILE_SUM_OFFER + 1 + 2 * DIGEST_KEY_BYTES) /* bytes with NUL */

struct file_sum { /* zeroed: SHA-256 */
    bool keyed;
    uint8_t key[DIGEST_KEY_BYTES];
};

/* With a new key. Without randomness it stays SHA-256. */
void file_sum_make(struct file_sum *s);
/* The field's value, of a keyed one. */
void file_sum_format(char out[FILE_SUM_TEXT], const struct file_sum *s);
/* As the message says. HX_EINVAL: of a kind that we do not know, or malformed. */
int file_sum_parse(struct file_sum *out, const struct mux_message *m);
bool file_sum_is_offered(const struct mux_message *answer);
/* Before its first byte. HX_ENOMEM. */
int file_sum_use(const struct file_sum *s, struct digest *d);

#endif
