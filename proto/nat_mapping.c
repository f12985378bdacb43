#include "proto/nat_mapping.h"
#include "base/error.h"
#include "proto/field.h"
#include <stdio.h>

#define PORT_MAX 65535

static const char *const kind_words[NAT_MAPPING_KINDS] = {
    [NAT_MAPPING_UNKNOWN] = "unknown",
    [NAT_MAPPING_ENDPOINT_INDEPENDENT] = "endpoint-independent",
    [NAT_MAPPING_ADDRESS_DEPENDENT] = "address-dependent",
    [NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT] = "address-and-port-dependent"};
static const char *const ports_words[NAT_PORTS_KINDS] = {[NAT_PORTS_UNKNOWN] = "unknown",
                                                         [NAT_PORTS_PRESERVING] = "preserving",
                                                         [NAT_PORTS_SEQUENTIAL] = "sequential",
                                                         [NAT_PORTS_RANDOM] = "random"};

bool nat_mapping_known(const struct nat_mapping *m)
{
    return m->kind != NAT_MAPPING_UNKNOWN || m->ports != NAT_PORTS_UNKNOWN || m->last_port != 0;
}

const char *nat_mapping_kind_text(enum nat_mapping_kind kind)
{
    return kind != NAT_MAPPING_UNKNOWN ? kind_words[kind] : NULL;
}

const char *nat_ports_text(enum nat_ports ports)
{
    return ports != NAT_PORTS_UNKNOWN ? ports_words[ports] : NULL;
}

enum nat_mapping_kind nat_mapping_kind_of(const struct field_piece *word)
{
    return (enum nat_mapping_kind)field_piece_among(word, kind_words, NAT_MAPPING_KINDS, NAT_MAPPING_UNKNOWN);
}

enum nat_ports nat_ports_of(const struct field_piece *word)
{
    return (enum nat_ports)field_piece_among(word, ports_words, NAT_PORTS_KINDS, NAT_PORTS_UNKNOWN);
}

/* Decimal, without a plus or leading zeros, from `least` to PORT_MAX but not 0. False: it is none. */
static bool read_number(struct field_piece p, int least, int *out)
{
    bool minus = p.len > 0 && p.at[0] == '-';
    int n = 0;

    if (minus) {
        p.at++;
        p.len--;
    }
    if (p.len == 0 || p.len > 5 || p.at[0] == '0')
        return false;
    for (size_t i = 0; i < p.len; i++) {
        if (p.at[i] < '0' || p.at[i] > '9')
            return false;
        n = 10 * n + (p.at[i] - '0');
    }
    *out = minus ? -n : n;
    return n <= PORT_MAX && *out >= least;
}

struct seen { /* the parameters that have come */
    bool ports, step, last, servers;
};

static bool read_parameter(struct nat_mapping *m, struct seen *seen, const struct field_piece *name,
                           const struct field_piece *value)
{
    bool *once = field_piece_is(name, "ports")     ? &seen->ports
                 : field_piece_is(name, "step")    ? &seen->step
                 : field_piece_is(name, "last")    ? &seen->last
                 : field_piece_is(name, "servers") ? &seen->servers
                                                   : NULL;
    int number = 0;

    if (!once)
        return true;
    if (*once)
        return false;
    *once = true;
    if (once == &seen->ports) {
        m->ports = nat_ports_of(value);
        return true;
    }
    if (once == &seen->servers) {
        m->one_address = field_piece_is(value, "1");
        return true;
    }
    if (!read_number(*value, once == &seen->step ? -PORT_MAX : 1, &number))
        return false;
    if (once == &seen->step)
        m->step = number;
    else
        m->last_port = (uint16_t)number;
    return true;
}

int nat_mapping_parse(struct nat_mapping *out, const char *text, size_t len)
{
    struct field_piece rest = {text, len};
    struct field_piece word = field_next(&rest, ';');
    struct nat_mapping m = {.kind = nat_mapping_kind_of(&word)};
    struct seen seen = {false, false, false, false};

    if (!field_name_valid(word.at, word.len)) /* a token, as names are */
        return HX_EPROTO;
    while (rest.len > 0) {
        struct field_piece value = field_next(&rest, ';');
        if (value.len == 0) /* "; ;" (RFC 9110, 5.6.6) */
            continue;
        struct field_piece name = field_next(&value, '=');
        if (!field_name_valid(name.at, name.len) || value.len == 0 ||
            !read_parameter(&m, &seen, &name, &value))
            return HX_EPROTO;
    }
    *out = m;
    return HX_OK;
}

size_t nat_mapping_format(const struct nat_mapping *m, char text[NAT_MAPPING_TEXT_MAX])
{
    int len = snprintf(text, NAT_MAPPING_TEXT_MAX, "%s", kind_words[m->kind]);

    if (m->ports != NAT_PORTS_UNKNOWN)
        len += snprintf(text + len, NAT_MAPPING_TEXT_MAX - (size_t)len, "; ports=%s", ports_words[m->ports]);
    if (m->step != 0)
        len += snprintf(text + len, NAT_MAPPING_TEXT_MAX - (size_t)len, "; step=%d", m->step);
    if (m->last_port != 0)
        len += snprintf(text + len, NAT_MAPPING_TEXT_MAX - (size_t)len, "; last=%u", m->last_port);
    if (m->one_address)
        len += snprintf(text + len, NAT_MAPPING_TEXT_MAX - (size_t)len, "; servers=1");
    return (size_t)len;
}
