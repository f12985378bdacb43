/* Whose a datagram is, and that none of UDT's is taken for STUN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs those above */

#include "proto/sealed_datagram.h"
#include "proto/stun.h"
#include "shim/net/demux.h"
#include "shim/udt/packet.h"

static int taken[NET_USERS];

static bool take(void *context, struct net_datagram *d)
{
    (void)d;
    (*(int *)context)++;
    return true;
}

static struct demux all_users(bool classic)
{
    struct demux x = {0};

    for (int user = 0; user < NET_USERS; user++) {
        taken[user] = 0;
        x.handlers[user].take = user == NET_USER_CLASSIC_STUN && !classic ? NULL : take;
        x.handlers[user].context = &taken[user];
    }
    return x;
}

/* In two parts, as UDT reads: each in memory of its own, of which nothing more may be read. */
static enum net_user user_of(struct demux *x, const uint8_t *bytes, size_t len, bool cut)
{
    size_t first = len < DEMUX_BYTES ? len : DEMUX_BYTES;
    uint8_t *head = calloc(1, DEMUX_BYTES), *body = malloc(len > first ? len - first : 1);
    struct iovec parts[2] = {{head, DEMUX_BYTES}, {body, len - first}};
    struct net_datagram d = {.parts = parts, .part_count = 2, .len = len, .cut = cut};

    assert_non_null(head);
    assert_non_null(body);
    memcpy(head, bytes, first);
    memcpy(body, bytes + first, len - first);
    enum net_user user = demux_user(x, &d);
    bool wanted = user != NET_USER_NONE && x->handlers[user].take;
    int before = wanted ? taken[user] : 0;
    assert_int_equal(demux_give(x, &d), wanted);
    if (wanted)
        assert_int_equal(taken[user], before + 1);
    free(head);
    free(body);
    return user;
}

static size_t binding_request(uint8_t bytes[64], bool change)
{
    struct stun_request r = {.change_port = change};

    stun_set_id(r.id, (const uint8_t *)"0123456789ab");
    return stun_write_request(&r, bytes, 64);
}

static void stun_is_told_by_cookie_and_length(void **state)
{
    struct demux x = all_users(true);
    uint8_t bytes[64];

    (void)state;
    for (int change = 0; change < 2; change++) {
        size_t len = binding_request(bytes, change);

        assert_int_equal(user_of(&x, bytes, len, false), NET_USER_STUN);
        assert_int_equal(user_of(&x, bytes, len, true), NET_USER_NONE);
        bytes[3]++;
        assert_int_equal(user_of(&x, bytes, len, false), NET_USER_UDT);
        bytes[3]--;
        bytes[0] |= 0x80;
        assert_int_equal(user_of(&x, bytes, len, false), NET_USER_UDT);
        bytes[0] = 0x40;
        assert_int_equal(user_of(&x, bytes, len, false), NET_USER_UDT);
        bytes[0] = 0;
        for (size_t byte = 4; byte < 8; byte++) {
            bytes[byte] ^= 1;
            assert_int_not_equal(user_of(&x, bytes, len, false), NET_USER_STUN);
            bytes[byte] ^= 1;
        }
        for (size_t n = 0; n < len; n++)
            assert_int_equal(user_of(&x, bytes, n, false), n < DEMUX_BYTES ? NET_USER_NONE : NET_USER_UDT);
    }
}

static void a_sealed_datagram_is_told_by_its_magic_and_length(void **state)
{
    struct demux x = all_users(true);
    uint8_t bytes[64] = {0};

    (void)state;
    sealed_datagram_write(&(struct sealed_datagram){.number = 1}, bytes);
    for (size_t len = DEMUX_BYTES; len <= sizeof bytes; len++)
        assert_int_equal(user_of(&x, bytes, len, false),
                         len < SEALED_HEAD + SEALED_CODE ? NET_USER_UDT : NET_USER_SEALED);
    for (size_t byte = 0; byte < 4; byte++) {
        bytes[byte] ^= 1;
        assert_int_equal(user_of(&x, bytes, sizeof bytes, false), NET_USER_UDT);
        bytes[byte] ^= 1;
    }
}

static void answers_are_the_users_as_well(void **state)
{
    struct demux x = all_users(false);
    struct stun_response r = {.mapped = {.family = AF_INET, .port = 1}};
    struct stun_request q = {.classic = false};
    uint8_t bytes[64];

    (void)state;
    stun_set_id(q.id, (const uint8_t *)"0123456789ab");
    size_t len = stun_write_response(&q, &r, bytes, sizeof bytes);
    assert_int_equal(user_of(&x, bytes, len, false), NET_USER_STUN);
}

static void a_port_without_a_handler_for_stun_drops_it(void **state)
{
    struct demux x = all_users(true);
    uint8_t bytes[64];

    (void)state;
    x.handlers[NET_USER_STUN].take = NULL;
    assert_int_equal(user_of(&x, bytes, binding_request(bytes, false), false), NET_USER_STUN);
    assert_int_equal(taken[NET_USER_STUN] + taken[NET_USER_UDT], 0);
}

static void the_classic_form_is_known_only_where_it_has_a_handler(void **state)
{
    struct demux listener = all_users(true), client = all_users(false);
    uint8_t bytes[64];

    (void)state;
    for (int change = 0; change < 2; change++) {
        size_t len = binding_request(bytes, change);

        bytes[4] ^= 1;
        assert_int_equal(user_of(&listener, bytes, len, false), NET_USER_CLASSIC_STUN);
        assert_int_equal(user_of(&client, bytes, len, false), NET_USER_UDT);
    }
}

/* Of the message numbers that UDT 4.11 gives a stream, none is the cookie: all have bit 29 clear, which the
 * cookie has set. Here: every flag that a stream's block can have, and numbers around the cookie's. */
static void no_data_packet_of_a_stream_is_taken_for_stun(void **state)
{
    static const uint32_t flags[] = {0xC0000000, 0x80000000, 0x40000000, 0};
    struct demux x = all_users(true);

    (void)state;
    for (size_t f = 0; f < sizeof flags / sizeof *flags; f++)
        for (uint32_t number = 0x0112A440; number < 0x0112A445; number++)
            for (size_t payload = 0; payload <= 1384; payload += 4) {
                uint8_t bytes[16 + 1384] = {0};

                packet_put_word(bytes, 0x00010000 + (uint32_t)payload - 4); /* the length STUN would have */
                packet_put_word(bytes + 4, flags[f] | number);
                packet_put_word(bytes + 12, 0x3FFFFFFF);
                if (payload == 4) /* the one packet in 2^31 of which demux.h speaks */
                    bytes[3] = 4;
                assert_int_equal(user_of(&x, bytes, 16 + payload, false), NET_USER_UDT);
            }
}

static void no_control_packet_is_taken_for_stun(void **state)
{
    struct demux x = all_users(true);

    (void)state;
    for (unsigned type = 0; type < 10; type++)
        for (size_t body = 0; body <= 48; body += 4) {
            uint8_t bytes[64] = {0};

            packet_put_control(bytes, (enum packet_type)type, 0, 5);
            packet_put_word(bytes + 4, 0x2112A442);
            bytes[3] = (uint8_t)(body - 4);
            assert_int_equal(user_of(&x, bytes, 16 + body, false), NET_USER_UDT);
        }
}

static void bytes_are_gathered_as_far_as_there_is_room(void **state)
{
    char one[] = "abc", two[] = "defgh";
    struct iovec parts[2] = {{one, 3}, {two, 5}};
    struct net_datagram d = {.parts = parts, .part_count = 2, .len = 6};
    uint8_t out[16];

    (void)state;
    assert_int_equal(demux_gather(&d, out, sizeof out), 6);
    assert_memory_equal(out, "abcdef", 6);
    assert_int_equal(demux_gather(&d, out, 4), 4);
    assert_memory_equal(out, "abcd", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stun_is_told_by_cookie_and_length),
        cmocka_unit_test(a_sealed_datagram_is_told_by_its_magic_and_length),
        cmocka_unit_test(answers_are_the_users_as_well),
        cmocka_unit_test(a_port_without_a_handler_for_stun_drops_it),
        cmocka_unit_test(the_classic_form_is_known_only_where_it_has_a_handler),
        cmocka_unit_test(no_data_packet_of_a_stream_is_taken_for_stun),
        cmocka_unit_test(no_control_packet_is_taken_for_stun),
        cmocka_unit_test(bytes_are_gathered_as_far_as_there_is_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
