#include "client/files/file_sum.h"
#include "base/big_endian.h"
#include "base/hex.h"
#include "client/files/disk.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define GOES         8 /* of reading in one turn of the loop: less than a millisecond */
#define NUMBER_BYTES 8 /* of a place or a size, as base/big_endian.h writes them */

void file_sum_make(struct file_sum_kind *k)
{
    k->keyed = getrandom(k->key, sizeof k->key, GRND_NONBLOCK) == sizeof k->key;
}

void file_sum_format(char out[FILE_SUM_TEXT], const struct file_sum_kind *k)
{
    int at = snprintf(out, FILE_SUM_TEXT, FILE_SUM_OFFER " ");
    hex_write(out + at, k->key, DIGEST_KEY_BYTES);
}

int file_sum_parse(struct file_sum_kind *out, const struct mux_message *m)
{
    static const char kind[] = FILE_SUM_OFFER " ";
    const char *text = mux_field(m, FILE_SUM_FIELD);
    *out = (struct file_sum_kind){.keyed = text};
    if (!text)
        return HX_OK;
    if (strlen(text) != FILE_SUM_TEXT - 1 || memcmp(text, kind, sizeof kind - 1) != 0)
        return HX_EINVAL;
    return hex_read(out->key, text + sizeof kind - 1, DIGEST_KEY_BYTES) == HX_OK ? HX_OK : HX_EINVAL;
}

bool file_sum_is_offered(const struct mux_message *answer)
{
    const char *text = mux_field(answer, FILE_SUM_FIELD);
    return text && strcmp(text, FILE_SUM_OFFER) == 0;
}

static const uint8_t zeros[FILE_SUM_BLOCK];

int file_sum_init(struct file_sum *s)
{
    s->by_blocks = false;
    s->at = 0;
    s->held = 0;
    return digest_init(&s->digest);
}

int file_sum_use(struct file_sum *s, const struct file_sum_kind *k)
{
    return k->keyed ? digest_use_key(&s->digest, k->key) : HX_OK;
}

void file_sum_free(struct file_sum *s)
{
    digest_free(&s->digest);
}

/* A block that ends at s->at. */
static void add_block(struct file_sum *s, const uint8_t *block, size_t len)
{
    uint8_t place[NUMBER_BYTES];
    if (memcmp(block, zeros, len) == 0)
        return;
    put64(place, (uint64_t)s->at - len);
    digest_update(&s->digest, place, sizeof place);
    digest_update(&s->digest, block, len);
}

void file_sum_update(struct file_sum *s, const void *data, size_t len)
{
    const uint8_t *from = data;
    if (!s->by_blocks) {
        digest_update(&s->digest, data, len);
        return;
    }
    while (len > 0) {
        size_t n = FILE_SUM_BLOCK - s->held < len ? FILE_SUM_BLOCK - s->held : len;
        s->at += (int64_t)n;
        if (n == FILE_SUM_BLOCK) {
            add_block(s, from, n);
        } else {
            memcpy(s->block + s->held, from, n);
            s->held += n;
        }
        if (s->held == FILE_SUM_BLOCK) {
            add_block(s, s->block, FILE_SUM_BLOCK);
            s->held = 0;
        }
        from += n;
        len -= n;
    }
}

void file_sum_skip(struct file_sum *s, int64_t len)
{
    while (len > 0) {
        int64_t whole = s->by_blocks && s->held == 0 ? len - len % FILE_SUM_BLOCK : 0;
        int64_t n = len < (int64_t)(FILE_SUM_BLOCK - s->held) ? len : (int64_t)(FILE_SUM_BLOCK - s->held);
        s->at += whole;
        if (whole == 0)
            file_sum_update(s, zeros, (size_t)n);
        len -= whole > 0 ? whole : n;
    }
}

int file_sum_read(struct file_sum *s, int fd, int64_t *at, int64_t end, uint8_t buffer[BLOCK_BYTES])
{
    for (int i = 0; i < GOES && *at < end; i++) {
        int64_t hole = s->by_blocks ? disk_hole(fd, *at, end) : 0;
        if (hole > 0) {
            file_sum_skip(s, hole);
            *at += hole;
            continue;
        }
        ssize_t got = pread(fd, buffer, end - *at < BLOCK_BYTES ? (size_t)(end - *at) : BLOCK_BYTES, *at);
        if (got <= 0)
            return got < 0 ? HX_ESYS : HX_EEOF;
        file_sum_update(s, buffer, (size_t)got);
        *at += got;
    }
    return *at == end ? HX_OK : HX_EAGAIN;
}

int file_sum_final(struct file_sum *s, uint8_t out[DIGEST_BYTES])
{
    uint8_t size[NUMBER_BYTES];
    if (s->by_blocks) {
        add_block(s, s->block, s->held);
        put64(size, (uint64_t)s->at);
        digest_update(&s->digest, size, sizeof size);
    }
    return digest_final(&s->digest, out);
}
