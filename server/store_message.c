#include "server/store_message.h"
#include "base/big_endian.h"
#include "base/error.h"
#include <string.h>

ssize_t store_message_write(uint8_t out[STORE_MESSAGE_MAX], const struct store_message *m)
{
    if (m->name.len > STORE_NAME_MAX || m->value.len > STORE_VALUE_MAX)
        return HX_ETOOBIG;
    out[0] = (uint8_t)m->kind;
    put32(out + 1, m->id);
    put32(out + 5, (uint32_t)m->code);
    put16(out + 9, (uint16_t)m->name.len);
    if (m->name.len > 0)
        memcpy(out + STORE_MESSAGE_HEAD, m->name.data, m->name.len);
    if (m->value.len > 0)
        memcpy(out + STORE_MESSAGE_HEAD + m->name.len, m->value.data, m->value.len);
    return (ssize_t)(STORE_MESSAGE_HEAD + m->name.len + m->value.len);
}

int store_message_read(struct store_message *m, const uint8_t *data, size_t len)
{
    if (len < STORE_MESSAGE_HEAD || len > STORE_MESSAGE_MAX || data[0] == 0 || data[0] >= STORE_KINDS)
        return HX_EPROTO;
    size_t name_len = get16(data + 9);
    if (name_len > STORE_NAME_MAX || name_len > len - STORE_MESSAGE_HEAD)
        return HX_EPROTO;
    size_t value_len = len - STORE_MESSAGE_HEAD - name_len;
    if (value_len > STORE_VALUE_MAX)
        return HX_EPROTO;
    *m = (struct store_message){.kind = (enum store_kind)data[0],
                                .id = get32(data + 1),
                                .code = (int32_t)get32(data + 5),
                                .name = {data + STORE_MESSAGE_HEAD, name_len},
                                .value = {data + STORE_MESSAGE_HEAD + name_len, value_len}};
    return HX_OK;
}

int store_row_read(struct store_bytes *rows, struct store_bytes *name, const uint8_t **key)
{
    const uint8_t *at = rows->data;

    if (rows->len == 0)
        return HX_EEOF;
    size_t size = 1 + (size_t)at[0] + STORE_KEY_BYTES;
    if (at[0] == 0 || size > rows->len)
        return HX_EPROTO;
    *name = (struct store_bytes){at + 1, at[0]};
    *key = at + 1 + at[0];
    rows->data = at + size;
    rows->len -= size;
    return HX_OK;
}

size_t store_row_write(uint8_t *out, size_t room, const void *name, size_t name_len,
                       const uint8_t key[STORE_KEY_BYTES])
{
    size_t size = 1 + name_len + STORE_KEY_BYTES;

    if (name_len == 0 || name_len > STORE_NAME_MAX || size > room)
        return 0;
    out[0] = (uint8_t)name_len;
    memcpy(out + 1, name, name_len);
    memcpy(out + 1 + name_len, key, STORE_KEY_BYTES);
    return size;
}
