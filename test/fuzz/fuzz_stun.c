/* STUN: whatever is read as a request is answered within its room, by what is read back; what is written and
 * read again is the same. */
#include "base/error.h"
#include "proto/stun.h"
#include "test/fuzz/fuzz.h"

static void check_answer(const struct stun_request *q, const struct stun_response *r, size_t len)
{
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        size_t room = stun_answer_room(len, ipv6);
        uint8_t *bytes = malloc(room);

        FUZZ_CHECK(bytes);
        size_t n = stun_write_response(q, r, bytes, room);
        FUZZ_CHECK(n <= room && n % 4 == 0);
        struct stun_response back;
        if (n > 0 && !q->classic) {
            FUZZ_CHECK(stun_read_response(&back, bytes, n) == HX_OK);
            FUZZ_CHECK(back.error == r->error && memcmp(back.id, q->id, sizeof q->id) == 0);
            FUZZ_CHECK(r->error || endpoint_equal(&back.mapped, &r->mapped));
        }
        free(bytes);
    }
}

static void check_request(const uint8_t *data, size_t size)
{
    struct stun_request q;

    if (stun_read_request(&q, data, size) != HX_OK)
        return;
    FUZZ_CHECK(size <= STUN_PADDED_MAX && q.unknown_count >= 0 && q.unknown_count <= STUN_UNKNOWN_MAX);
    struct stun_response r = {.error = q.unknown_count ? STUN_UNKNOWN_ATTRIBUTE : 0, .other_port = 1};
    r.mapped =
        (struct endpoint){.family = size % 8 ? AF_INET : AF_INET6, .port = 1, .address = {192, 0, 2, 1}};
    r.other = r.origin = r.mapped;
    check_answer(&q, &r, size);
    if (q.classic)
        return;
    uint8_t bytes[64];
    size_t n = stun_write_request(&q, bytes, sizeof bytes);
    struct stun_request back;
    FUZZ_CHECK(n > 0 && stun_read_request(&back, bytes, n) == HX_OK);
    FUZZ_CHECK(memcmp(back.id, q.id, sizeof q.id) == 0 && back.change_ip == q.change_ip &&
               back.change_port == q.change_port && back.wants_other_port == q.wants_other_port &&
               back.fingerprint == q.fingerprint);
}

static void check_response(const uint8_t *data, size_t size)
{
    struct stun_response r;
    struct stun_request q = {.classic = false};

    if (stun_read_response(&r, data, size) != HX_OK)
        return;
    FUZZ_CHECK(r.error ? r.error >= 300 && r.error <= 699 : r.mapped.family != AF_UNSPEC);
    memcpy(q.id, r.id, sizeof q.id);
    check_answer(&q, &r, STUN_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_request(data, size);
    check_response(data, size);
    return 0;
}
