/* test/unit/mux_raw.h: one mux, and a peer that sends it frames made by hand (RFC 9113, RFC 7541) and notes
 * the kinds of frames that come back. */
#ifndef HX_TEST_MUX_RAW_H
#define HX_TEST_MUX_RAW_H

#include "test/unit/mux_pair.h"

enum {
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION
};
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };
enum { PROTOCOL_ERROR = 1, FLOW_CONTROL_ERROR = 3, REFUSED_STREAM = 7, CANCEL = 8, ENHANCE_YOUR_CALM = 11 };

struct raw {
    struct side side;
    uint8_t block[40000]; /* a header being made */
    size_t block_len;
    int heard[10];               /* frames by type */
    size_t heard_data;           /* bytes of DATA */
    int32_t reset_id;            /* of the last RST_STREAM */
    uint32_t code;               /* of the last RST_STREAM or GOAWAY */
    uint8_t rest[65536 + 16384]; /* of a frame that has not come whole */
    size_t rest_len;
};

static inline uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void raw_note(struct raw *r, const uint8_t *frame, size_t len)
{
    uint8_t type = frame[3];

    assert_true(type < 10);
    r->heard[type]++;
    if (type == DATA)
        r->heard_data += len;
    if (type == RST_STREAM) {
        r->reset_id = (int32_t)get32(frame + 5);
        r->code = get32(frame + 9);
    }
    if (type == GOAWAY)
        r->code = get32(frame + 13);
}

/* Hears all that the mux has to say. */
static inline void raw_hear(struct raw *r)
{
    const uint8_t *data;
    ssize_t n;

    while ((n = mux_send(r->side.m, &data)) > 0) {
        size_t at = 0;
        assert_true(r->rest_len + (size_t)n <= sizeof r->rest);
        memcpy(r->rest + r->rest_len, data, (size_t)n);
        r->rest_len += (size_t)n;
        while (r->rest_len - at >= 9) {
            size_t len = get32(r->rest + at) >> 8;
            if (r->rest_len - at < 9 + len)
                break;
            raw_note(r, r->rest + at, len);
            at += 9 + len;
        }
        r->rest_len -= at;
        memmove(r->rest, r->rest + at, r->rest_len);
    }
    if (n < 0 && r->side.failed == HX_OK)
        r->side.failed = (int)n;
}

/* Says one frame, and hears nothing. */
static inline void raw_frame(struct raw *r, uint8_t type, uint8_t flags, uint32_t id, const void *payload,
                             size_t len)
{
    uint8_t *frame = malloc(9 + len);

    assert_non_null(frame);
    const uint8_t head[9] = {(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,       type,       flags,
                             (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    memcpy(frame, head, 9);
    if (len > 0)
        memcpy(frame + 9, payload, len);
    side_receive(&r->side, frame, 9 + len);
    free(frame);
}

/* A frame with one 32-bit number, and with none. */
static inline void raw_number(struct raw *r, uint8_t type, uint32_t id, uint32_t number)
{
    const uint8_t p[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                          (uint8_t)number};
    raw_frame(r, type, 0, id, p, 4);
}

static inline void raw_setting(struct raw *r, uint16_t name, uint32_t value)
{
    const uint8_t p[6] = {(uint8_t)(name >> 8),   (uint8_t)name,         (uint8_t)(value >> 24),
                          (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    raw_frame(r, SETTINGS, 0, 0, p, 6);
}

static inline void block_string(struct raw *r, const char *text, size_t len)
{
    size_t left = len;

    if (left < 127) { /* RFC 7541, section 5.1 */
        r->block[r->block_len++] = (uint8_t)left;
    } else {
        r->block[r->block_len++] = 127;
        for (left -= 127; left >= 128; left >>= 7)
            r->block[r->block_len++] = (uint8_t)(0x80 | (left & 0x7f));
        r->block[r->block_len++] = (uint8_t)left;
    }
    memcpy(r->block + r->block_len, text, len);
    r->block_len += len;
}

/* Literal, without indexing, new name (RFC 7541, section 6.2.2). */
static inline void block_field(struct raw *r, const char *name, const char *value)
{
    assert_true(r->block_len + strlen(name) + strlen(value) + 9 < sizeof r->block);
    r->block[r->block_len++] = 0;
    block_string(r, name, strlen(name));
    block_string(r, value, strlen(value));
}

static inline void block_request(struct raw *r)
{
    r->block_len = 0;
    block_field(r, ":method", "POST");
    block_field(r, ":scheme", "hx");
    block_field(r, ":authority", "peer");
    block_field(r, ":path", "/echo");
}

static inline void raw_block(struct raw *r, uint8_t flags, uint32_t id)
{
    size_t at = 0, most = 16384;

    for (uint8_t type = HEADERS; at == 0 || at < r->block_len; type = CONTINUATION) {
        size_t n = r->block_len - at < most ? r->block_len - at : most;
        uint8_t last = at + n == r->block_len ? END_HEADERS : 0;
        raw_frame(r, type, (type == HEADERS ? flags : 0) | last, id, r->block + at, n);
        at += n;
    }
}

static inline void raw_request(struct raw *r, uint32_t id, bool ended)
{
    block_request(r);
    raw_block(r, ended ? END_STREAM : 0, id);
}

static inline void raw_data(struct raw *r, uint32_t id, size_t len, bool ended)
{
    uint8_t data[16384] = {0};

    for (; len > sizeof data; len -= sizeof data)
        raw_frame(r, DATA, 0, id, data, sizeof data);
    raw_frame(r, DATA, ended ? END_STREAM : 0, id, data, len);
}

/* Past the preface and the SETTINGS of both; `client`: what the mux is. */
static inline void raw_create(struct raw *r, bool client)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"; /* RFC 9113, section 3.4 */
    const uint8_t *data;

    *r = (struct raw){0};
    side_create(&r->side, client);
    if (client) {
        assert_true(mux_send(r->side.m, &data) > 24);
        assert_memory_equal(data, preface, 24);
    } else {
        side_receive(&r->side, (const uint8_t *)preface, sizeof preface - 1);
    }
    raw_frame(r, SETTINGS, 0, 0, NULL, 0);
    raw_hear(r);
    raw_frame(r, SETTINGS, ACK, 0, NULL, 0);
    assert_int_equal(r->side.failed, HX_OK);
    assert_int_equal(r->side.count, 0);
}

static inline void raw_destroy(struct raw *r)
{
    side_destroy(&r->side);
}

/* The connection has been cut, and the peer was told why. */
static inline void check_cut(struct raw *r, uint32_t code)
{
    raw_hear(r);
    assert_int_equal(r->side.failed, HX_EPROTO);
    assert_int_equal(r->heard[GOAWAY], 1);
    assert_int_equal(r->code, code);
    assert_false(mux_wants_send(r->side.m));
}

/* The same for a flood: one GOAWAY with a text, one that ends. */
static inline void check_flood(struct raw *r)
{
    raw_hear(r);
    assert_int_equal(r->side.failed, HX_EFLOOD);
    assert_int_equal(r->heard[GOAWAY], 2);
    assert_int_equal(r->code, ENHANCE_YOUR_CALM);
    assert_false(mux_wants_send(r->side.m));
}

/* Stream `id` was reset, and all else goes on: the next one is served. */
static inline void check_reset(struct raw *r, uint32_t id, uint32_t code)
{
    size_t served = r->side.count;

    raw_hear(r);
    assert_int_equal(r->side.failed, HX_OK);
    assert_int_equal(r->reset_id, id);
    assert_int_equal(r->code, code);
    raw_request(r, id + 2, true);
    assert_int_equal(r->side.failed, HX_OK);
    assert_int_equal(r->side.count, served + 1);
    assert_string_equal(r->side.ends[served].target, "/echo");
}

#endif
