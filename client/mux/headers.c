#include "client/mux/parts.h"
#include <string.h>

const char *mux_field(const struct mux_message *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->fields[i].name, name) == 0)
            return m->fields[i].value;
    return NULL;
}

static const char *keep(struct mux_head *h, const uint8_t *text, size_t len)
{
    char *kept = h->text + h->used;

    memcpy(kept, text, len);
    kept[len] = '\0';
    h->used += len + 1;
    return kept;
}

/* The bound of a value keeps lengths far from overflow. */
static bool fits(size_t bytes, size_t name_len, size_t value_len)
{
    return name_len <= MUX_VALUE_MAX && value_len <= MUX_VALUE_MAX &&
           bytes + name_len + value_len <= MUX_HEADERS_MAX;
}

int mux_head_add(struct mux_head *h, const uint8_t *name, size_t name_len, const uint8_t *value,
                 size_t value_len)
{
    if (h->count == MUX_FIELDS_MAX || !fits(h->bytes, name_len, value_len))
        return HX_ETOOBIG;
    h->bytes += name_len + value_len;
    struct mux_field *f = &h->fields[h->count++];
    f->name = keep(h, name, name_len);
    f->value = keep(h, value, value_len);
    return HX_OK;
}

/* What nghttp2 sends it does not check; a peer would reset the stream for it. */
static bool value_ok(const char *name, const uint8_t *value, size_t len)
{
    if (strcmp(name, ":path") == 0)
        return nghttp2_check_path(value, len);
    if (strcmp(name, ":authority") == 0)
        return nghttp2_check_authority(value, len);
    if (strcmp(name, ":method") == 0)
        return nghttp2_check_method(value, len);
    return nghttp2_check_header_value_rfc9113(value, len);
}

int mux_head_out(const struct mux_message *m, nghttp2_nv out[MUX_FIELDS_MAX])
{
    size_t bytes = 0;

    if (m->count > MUX_FIELDS_MAX)
        return HX_EINVAL;
    for (size_t i = 0; i < m->count; i++) {
        const struct mux_field *f = &m->fields[i];
        /* nghttp2 copies both, and writes to neither. */
        nghttp2_nv nv = {(uint8_t *)(uintptr_t)f->name, (uint8_t *)(uintptr_t)f->value, strlen(f->name),
                         strlen(f->value), NGHTTP2_NV_FLAG_NONE};
        if (!fits(bytes, nv.namelen, nv.valuelen) || !nghttp2_check_header_name(nv.name, nv.namelen) ||
            !value_ok(f->name, nv.value, nv.valuelen))
            return HX_EINVAL;
        if (f->name[0] == ':' && i > 0 && m->fields[i - 1].name[0] != ':')
            return HX_EINVAL; /* RFC 9113, section 8.3 */
        bytes += nv.namelen + nv.valuelen;
        out[i] = nv;
    }
    return HX_OK;
}
