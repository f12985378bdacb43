#include "proto/stun.h"

#include "base/big_endian.h"
#include "base/error.h"
#include "base/ipv4_mapped.h"
#include <string.h>

#define MAGIC_COOKIE    0x2112A442u /* RFC 8489, 5 */
#define FINGERPRINT_XOR 0x5354554Eu /* RFC 8489, 14.7: "STUN" */
#define CRC32_REVERSED  0xEDB88320u /* ISO/IEC 3309's polynomial, least significant bit first */

/* Message types (RFC 8489, 5: method and class). */
#define BINDING_REQUEST 0x0001
#define BINDING_SUCCESS 0x0101
#define BINDING_ERROR   0x0111

#define FAMILY_IPV4 1 /* RFC 8489, 14.1 */
#define FAMILY_IPV6 2
#define CHANGE_IP   0x04u /* RFC 5780, 7.2 */
#define CHANGE_PORT 0x02u

#define ATTRIBUTE_HEAD  4
#define OPTIONAL        0x8000 /* attributes from here on may be skipped by whoever does not know them */
#define FINGERPRINT_LEN (ATTRIBUTE_HEAD + 4)
/* Bytes of a request's OTHER_PORT: so many that two addresses and the port fit into the answer, also over
 * IPv6 (stun_answer_room()): 3 * (36 + 48) / 2 - 48 is 78, and they take 76. */
#define OTHER_PORT_ROOM 12

/* RFC 8489, 18.3; RFC 5780, 9.1; RFC 3489, 11.2. */
enum attribute {
    MAPPED_ADDRESS = 0x0001,
    SOURCE_ADDRESS = 0x0004,
    CHANGED_ADDRESS = 0x0005,
    USERNAME = 0x0006,
    MESSAGE_INTEGRITY = 0x0008,
    ERROR_CODE = 0x0009,
    UNKNOWN_ATTRIBUTES = 0x000A,
    REALM = 0x0014,
    NONCE = 0x0015,
    MESSAGE_INTEGRITY_SHA256 = 0x001C,
    PASSWORD_ALGORITHM = 0x001D,
    USERHASH = 0x001E,
    XOR_MAPPED_ADDRESS = 0x0020,
    RESPONSE_PORT = 0x0027,
    FINGERPRINT = 0x8028,
    RESPONSE_ORIGIN = 0x802B,
    OTHER_ADDRESS = 0x802C,
    /* Ours, from the range that needs no standard (RFC 8489, 18.3), unassigned in IANA's registry: a server
     * with a second port at the address that was asked answers it with that port. OTHER-ADDRESS cannot say
     * this: it may be said only by a server with a second address, too (RFC 5780, 7.4), and its readers take
     * it for that. In a request its value is zeroes, whatever their number. */
    OTHER_PORT = 0xE878,
};

static size_t padded(size_t len)
{
    return (len + 3) & ~(size_t)3;
}

/* Bit by bit: a table would be longer than the few messages that have a FINGERPRINT are worth. */
static uint32_t crc32(const uint8_t *bytes, size_t len)
{
    uint32_t crc = 0xFFFFFFFF;

    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? CRC32_REVERSED : 0);
    }
    return ~crc;
}

bool stun_is_message(const uint8_t mark[STUN_MARK_BYTES], size_t len)
{
    return len >= STUN_HEAD_BYTES && len % 4 == 0 && (mark[0] & 0xC0) == 0 &&
           get16(mark + 2) == len - STUN_HEAD_BYTES && get32(mark + 4) == MAGIC_COOKIE;
}

bool stun_is_classic_request(const uint8_t *bytes, size_t len)
{
    static const uint8_t change[] = {0, STUN_CHANGE_REQUEST, 0, 4, 0, 0, 0}; /* and its flags */

    if ((len != STUN_HEAD_BYTES && len != STUN_CLASSIC_MAX) || get16(bytes) != BINDING_REQUEST ||
        get16(bytes + 2) != len - STUN_HEAD_BYTES || get32(bytes + 4) == MAGIC_COOKIE)
        return false;
    return len == STUN_HEAD_BYTES || (memcmp(bytes + STUN_HEAD_BYTES, change, sizeof change) == 0 &&
                                      (bytes[len - 1] & ~(CHANGE_IP | CHANGE_PORT)) == 0);
}

struct reader {
    const uint8_t *bytes; /* of the whole message */
    size_t len, at;
    bool integrity; /* a MESSAGE-INTEGRITY was seen: what follows is not covered by it, and skipped */
    bool bad;
};

struct attribute_view {
    uint16_t type, len;
    const uint8_t *value;
};

static bool fingerprint_is_right(const struct reader *r, const struct attribute_view *a)
{
    size_t before = r->len - FINGERPRINT_LEN;

    return a->len == 4 && r->at == r->len && get32(a->value) == (crc32(r->bytes, before) ^ FINGERPRINT_XOR);
}

/* False: there is none any more, or the message is bad. */
static bool next_attribute(struct reader *r, struct attribute_view *a)
{
    do {
        if (r->at == r->len)
            return false;
        r->bad = r->len - r->at < ATTRIBUTE_HEAD;
        if (r->bad)
            return false;
        *a = (struct attribute_view){.type = get16(r->bytes + r->at),
                                     .len = get16(r->bytes + r->at + 2),
                                     .value = r->bytes + r->at + ATTRIBUTE_HEAD};
        r->bad = padded(a->len) > r->len - r->at - ATTRIBUTE_HEAD;
        if (r->bad)
            return false;
        r->at += ATTRIBUTE_HEAD + padded(a->len);
    } while (r->integrity && a->type != FINGERPRINT);
    if (a->type == MESSAGE_INTEGRITY || a->type == MESSAGE_INTEGRITY_SHA256)
        r->integrity = true;
    r->bad = a->type == FINGERPRINT && !fingerprint_is_right(r, a);
    return !r->bad;
}

/* What says nothing to us, but is no reason to refuse the message. */
static bool may_skip(uint16_t type)
{
    switch (type) {
    case USERNAME:
    case MESSAGE_INTEGRITY:
    case MESSAGE_INTEGRITY_SHA256:
    case PASSWORD_ALGORITHM:
    case USERHASH:
    case REALM:
    case NONCE:
        return true;
    default:
        return type >= OPTIONAL;
    }
}

static void note_unknown(struct stun_request *out, uint16_t type)
{
    for (int i = 0; i < out->unknown_count; i++)
        if (out->unknown[i] == type)
            return;
    if (out->unknown_count < STUN_UNKNOWN_MAX)
        out->unknown[out->unknown_count++] = type;
}

int stun_read_request(struct stun_request *out, const uint8_t *bytes, size_t len)
{
    struct reader r = {.bytes = bytes, .len = len, .at = STUN_HEAD_BYTES};
    struct attribute_view a;
    bool change_seen = false; /* of several the first one counts (RFC 8489, 14) */

    if (len > STUN_PADDED_MAX)
        return HX_ETOOBIG;
    bool classic = len >= STUN_HEAD_BYTES && stun_is_classic_request(bytes, len);
    if (!classic &&
        (len < STUN_HEAD_BYTES || !stun_is_message(bytes, len) || get16(bytes) != BINDING_REQUEST))
        return HX_EPROTO;
    *out = (struct stun_request){.classic = classic};
    memcpy(out->id, bytes + 4, STUN_ID_BYTES);
    while (next_attribute(&r, &a)) {
        if (a.type == STUN_CHANGE_REQUEST) {
            if (a.len != 4)
                return HX_EPROTO;
            if (!change_seen) {
                out->change_ip = a.value[3] & CHANGE_IP;
                out->change_port = a.value[3] & CHANGE_PORT;
            }
            change_seen = true;
        } else if (a.type == FINGERPRINT) {
            out->fingerprint = true;
        } else if (a.type == OTHER_PORT) {
            out->wants_other_port = true;
        } else if (!may_skip(a.type)) {
            note_unknown(out, a.type);
        }
    }
    return r.bad ? HX_EPROTO : HX_OK;
}

/* The address of an attribute, XORed with the cookie and, IPv6, the transaction id if `id` is not NULL
 * (RFC 8489, 14.2). False: it is none. */
static bool read_address(struct endpoint *out, const struct attribute_view *a, const uint8_t *id)
{
    static const uint8_t zeroes[STUN_ID_BYTES];
    const uint8_t *mask = id ? id : zeroes;
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    uint8_t ip[16];

    if (a->len < 4)
        return false;
    size_t ip_len = a->value[1] == FAMILY_IPV4 ? 4 : 16;
    if ((a->value[1] != FAMILY_IPV4 && a->value[1] != FAMILY_IPV6) || a->len != 4 + ip_len)
        return false;
    in6.sin6_port = htons(get16(a->value + 2) ^ get16(mask));
    for (size_t i = 0; i < ip_len; i++)
        ip[i] = a->value[4 + i] ^ mask[i];
    if (ip_len == 4)
        ipv4_map(in6.sin6_addr.s6_addr, ip);
    else
        memcpy(in6.sin6_addr.s6_addr, ip, 16);
    return endpoint_from_sockaddr(out, (struct sockaddr *)&in6, sizeof in6) == HX_OK;
}

static bool read_error(int *out, const struct attribute_view *a)
{
    if (a->len < 4 || (a->value[2] & 7) < 3 || (a->value[2] & 7) > 6 || a->value[3] > 99)
        return false;
    *out = 100 * (a->value[2] & 7) + a->value[3];
    return true;
}

/* False: the attribute makes the message bad. `where` of an attribute that came before stays as it is. */
static bool take_of_response(struct stun_response *out, struct endpoint *plain,
                             const struct attribute_view *a)
{
    const uint8_t *mask = a->type == XOR_MAPPED_ADDRESS ? out->id : NULL;
    struct endpoint *where = NULL, address;

    switch (a->type) {
    case XOR_MAPPED_ADDRESS:
        where = &out->mapped;
        break;
    case MAPPED_ADDRESS:
        where = plain;
        break;
    case OTHER_ADDRESS:
    case CHANGED_ADDRESS:
        where = &out->other;
        break;
    case RESPONSE_ORIGIN:
    case SOURCE_ADDRESS:
        where = &out->origin;
        break;
    case OTHER_PORT:
        if (a->len == 2 && out->other_port == 0)
            out->other_port = get16(a->value);
        return true;
    case ERROR_CODE:
        return out->error != 0 || read_error(&out->error, a);
    case UNKNOWN_ATTRIBUTES:
        return true;
    default:
        return may_skip(a->type);
    }
    if (!read_address(&address, a, mask))
        return false;
    if (where->family == AF_UNSPEC)
        *where = address;
    return true;
}

int stun_read_response(struct stun_response *out, const uint8_t *bytes, size_t len)
{
    struct reader r = {.bytes = bytes, .len = len, .at = STUN_HEAD_BYTES};
    struct endpoint plain = {.family = AF_UNSPEC};
    struct attribute_view a;

    if (len > STUN_MAX)
        return HX_ETOOBIG;
    if (len < STUN_HEAD_BYTES || !stun_is_message(bytes, len))
        return HX_EPROTO;
    bool failed = get16(bytes) == BINDING_ERROR;
    if (!failed && get16(bytes) != BINDING_SUCCESS)
        return HX_EPROTO;
    struct stun_response response = {.error = 0};
    memcpy(response.id, bytes + 4, STUN_ID_BYTES);
    while (next_attribute(&r, &a))
        if (!take_of_response(&response, &plain, &a))
            return HX_EPROTO;
    if (response.mapped.family == AF_UNSPEC) /* a server of RFC 3489 knows no other form (RFC 8489, 6.3.3) */
        response.mapped = plain;
    if (r.bad || failed != (response.error != 0) || (!failed && response.mapped.family == AF_UNSPEC))
        return HX_EPROTO;
    *out = response;
    if (failed) {
        *out = (struct stun_response){.error = response.error};
        memcpy(out->id, response.id, sizeof out->id);
    }
    return HX_OK;
}

struct writer {
    uint8_t *bytes;
    size_t len, room;
};

static void write_head(struct writer *w, uint16_t type, const uint8_t id[STUN_ID_BYTES])
{
    put16(w->bytes, type);
    put16(w->bytes + 2, 0);
    memcpy(w->bytes + 4, id, STUN_ID_BYTES);
    w->len = STUN_HEAD_BYTES;
}

/* Where its value of `len` bytes goes, zeroed with its padding; NULL: there is no room for it. */
static uint8_t *add_attribute(struct writer *w, uint16_t type, size_t len)
{
    uint8_t *at = w->bytes + w->len;

    if (w->room - w->len < ATTRIBUTE_HEAD + padded(len))
        return NULL;
    put16(at, type);
    put16(at + 2, (uint16_t)len);
    memset(at + ATTRIBUTE_HEAD, 0, padded(len));
    w->len += ATTRIBUTE_HEAD + padded(len);
    put16(w->bytes + 2, (uint16_t)(w->len - STUN_HEAD_BYTES));
    return at + ATTRIBUTE_HEAD;
}

static bool add_address(struct writer *w, uint16_t type, const struct endpoint *e)
{
    const uint8_t *mask = w->bytes + 4; /* the id, cookie first */
    size_t ip_len = e->family == AF_INET ? 4 : 16;

    if (e->family == AF_UNSPEC)
        return false;
    uint8_t *value = add_attribute(w, type, 4 + ip_len);
    if (!value)
        return false;
    bool masked = type == XOR_MAPPED_ADDRESS;
    value[1] = e->family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
    put16(value + 2, masked ? e->port ^ get16(mask) : e->port);
    for (size_t i = 0; i < ip_len; i++)
        value[4 + i] = masked ? e->address[i] ^ mask[i] : e->address[i];
    return true;
}

/* Its room has been kept free. The length in the head counts it already (RFC 8489, 14.7). */
static void add_fingerprint(struct writer *w)
{
    size_t before = w->len;
    uint8_t *value = add_attribute(w, FINGERPRINT, 4);

    if (value)
        put32(value, crc32(w->bytes, before) ^ FINGERPRINT_XOR);
}

void stun_set_id(uint8_t id[STUN_ID_BYTES], const uint8_t transaction[STUN_ID_BYTES - 4])
{
    put32(id, MAGIC_COOKIE);
    memcpy(id + 4, transaction, STUN_ID_BYTES - 4);
}

size_t stun_write_request(const struct stun_request *r, uint8_t *out, size_t room)
{
    struct writer w = {.bytes = out, .room = room};
    uint8_t *value = NULL;

    if (room < STUN_HEAD_BYTES)
        return 0;
    write_head(&w, BINDING_REQUEST, r->id);
    if (r->change_ip || r->change_port) {
        if (!(value = add_attribute(&w, STUN_CHANGE_REQUEST, 4)))
            return 0;
        value[3] = (uint8_t)((r->change_ip ? CHANGE_IP : 0) | (r->change_port ? CHANGE_PORT : 0));
    }
    if (r->response_port != 0) {
        if (!(value = add_attribute(&w, RESPONSE_PORT, 2)))
            return 0;
        put16(value, r->response_port);
    }
    if (r->wants_other_port && !add_attribute(&w, OTHER_PORT, OTHER_PORT_ROOM + (size_t)r->padding))
        return 0;
    if (r->fingerprint) {
        if (room - w.len < FINGERPRINT_LEN)
            return 0;
        add_fingerprint(&w);
    }
    return w.len;
}

size_t stun_answer_room(size_t question_len, bool ipv6)
{
    size_t heads = ipv6 ? 48 : 28;

    return 3 * (question_len + heads) / 2 - heads;
}

/* Without a reason phrase, which may be empty (RFC 8489, 14.8), and for which there is seldom room. */
static size_t write_error(struct writer *w, const struct stun_request *to, int error)
{
    uint8_t *value = add_attribute(w, ERROR_CODE, 4);

    if (!value)
        return 0;
    value[2] = (uint8_t)(error / 100);
    value[3] = (uint8_t)(error % 100);
    if (error == STUN_UNKNOWN_ATTRIBUTE) {
        if (!(value = add_attribute(w, UNKNOWN_ATTRIBUTES, 2 * (size_t)to->unknown_count)))
            return 0;
        for (int i = 0; i < to->unknown_count; i++)
            put16(value + 2 * i, to->unknown[i]);
    }
    return w->len;
}

static size_t write_success(struct writer *w, const struct stun_request *to, const struct stun_response *r)
{
    if (!add_address(w, to->classic ? MAPPED_ADDRESS : XOR_MAPPED_ADDRESS, &r->mapped))
        return 0;
    uint8_t *value = NULL;
    if (to->wants_other_port && r->other_port && (value = add_attribute(w, OTHER_PORT, 2)))
        put16(value, r->other_port);
    add_address(w, to->classic ? CHANGED_ADDRESS : OTHER_ADDRESS, &r->other);
    add_address(w, to->classic ? SOURCE_ADDRESS : RESPONSE_ORIGIN, &r->origin);
    if (!to->classic)
        add_address(w, MAPPED_ADDRESS, &r->mapped);
    return w->len;
}

size_t stun_write_response(const struct stun_request *to, const struct stun_response *r, uint8_t *out,
                           size_t room)
{
    size_t kept = to->fingerprint && !to->classic ? FINGERPRINT_LEN : 0;
    struct writer w = {.bytes = out, .room = room};

    if (room < STUN_HEAD_BYTES + kept)
        return 0;
    w.room -= kept;
    write_head(&w, r->error ? BINDING_ERROR : BINDING_SUCCESS, to->id);
    if (!(r->error ? write_error(&w, to, r->error) : write_success(&w, to, r)))
        return 0;
    w.room += kept;
    if (kept)
        add_fingerprint(&w);
    return w.len;
}
