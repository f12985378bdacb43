/* test/unit/stun_messages.h: messages and addresses for the tests of proto/stun. Brings cmocka. */
#ifndef HX_TEST_STUN_MESSAGES_H
#define HX_TEST_STUN_MESSAGES_H

#include "base/error.h"
#include "proto/stun.h"
#include "test/unit/cuts.h"

/* RFC 5769's transaction id. */
#define ID "\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"

/* Memory that ends where the message does. */
static inline uint8_t *copy_of(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    return memcpy(copy, data, len);
}

static inline int read_request(struct stun_request *out, const uint8_t *data, size_t len)
{
    uint8_t *copy = copy_of(data, len);
    int err = stun_read_request(out, copy, len);

    free(copy);
    return err;
}

static inline int read_response(struct stun_response *out, const uint8_t *data, size_t len)
{
    uint8_t *copy = copy_of(data, len);
    int err = stun_read_response(out, copy, len);

    free(copy);
    return err;
}

static inline struct endpoint endpoint(const char *text)
{
    struct endpoint e;

    assert_int_equal(endpoint_parse(&e, text, strlen(text)), HX_OK);
    return e;
}

static inline void check_endpoint(const struct endpoint *e, const char *text)
{
    char got[ENDPOINT_TEXT_MAX];

    endpoint_format(e, got);
    assert_string_equal(got, text);
}

static inline struct stun_request request(void)
{
    struct stun_request r = {.classic = false};

    stun_set_id(r.id, (const uint8_t *)ID);
    return r;
}

static inline struct stun_response full_response(const char *mapped, const char *other, const char *origin)
{
    return (struct stun_response){
        .mapped = endpoint(mapped), .other = endpoint(other), .origin = endpoint(origin), .other_port = 7001};
}

#define FOUR full_response("192.0.2.1:1", "192.0.2.2:2", "192.0.2.3:3")
#define SIX  full_response("[2001:db8::1]:1", "[2001:db8::2]:2", "[2001:db8::3]:3")

#endif
