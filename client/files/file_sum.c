#include "client/files/file_sum.h"
#include "base/percent.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

void file_sum_make(struct file_sum *s)
{
    s->keyed = getrandom(s->key, sizeof s->key, GRND_NONBLOCK) == sizeof s->key;
}

void file_sum_format(char out[FILE_SUM_TEXT], const struct file_sum *s)
{
    int at = snprintf(out, FILE_SUM_TEXT, FILE_SUM_OFFER " ");
    for (size_t i = 0; i < DIGEST_KEY_BYTES; i++, at += 2)
        snprintf(out + at, FILE_SUM_TEXT - (size_t)at, "%02x", s->key[i]);
}

int file_sum_parse(struct file_sum *out, const struct mux_message *m)
{
    static const char kind[] = FILE_SUM_OFFER " ";
    const char *text = mux_field(m, FILE_SUM_FIELD);
    *out = (struct file_sum){.keyed = text};
    if (!text)
        return HX_OK;
    if (strlen(text) != FILE_SUM_TEXT - 1 || memcmp(text, kind, sizeof kind - 1) != 0)
        return HX_EINVAL;
    text += sizeof kind - 1;
    for (size_t i = 0; i < DIGEST_KEY_BYTES; i++, text += 2) {
        int high = percent_hex_value(text[0]), low = percent_hex_value(text[1]);
        if (high < 0 || low < 0)
            return HX_EINVAL;
        out->key[i] = (uint8_t)(high << 4 | low);
    }
    return HX_OK;
}

bool file_sum_is_offered(const struct mux_message *answer)
{
    const char *text = mux_field(answer, FILE_SUM_FIELD);
    return text && strcmp(text, FILE_SUM_OFFER) == 0;
}

int file_sum_use(const struct file_sum *s, struct digest *d)
{
    return s->keyed ? digest_use_key(d, s->key) : HX_OK;
}
