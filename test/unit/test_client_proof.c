/* How libhx proves to a nameserver who asks, when it wants to know that. */
#include "proto/authorization.h"
#include "secure/identity.h"
#include "secure/key.h"
#include "test/unit/scripted_nameserver.h"

#define NOTHING    "\r\nContent-Length: 0\r\n\r\n"
#define SAYS(text) "\r\nContent-Length: 12\r\n\r\n" text "\r\n" /* of ten characters */

static char where[128], device_key[HX_KEY_TEXT_MAX], shared_key[HX_KEY_TEXT_MAX];
static struct identity device;
static struct key shared;
static bool has_device, has_shared;
static int patience_ms;
static int events_fd;

/* ---- the nameserver, which takes the device's proof, or the shared key's ---- */

/* A nonce for each connection, and each request. */
static const char *nonce_of(int nth)
{
    static char nonce[AUTHORIZATION_NONCE_MAX];

    snprintf(nonce, sizeof nonce, "connection%04drequest%04d", scripted_connection, nth);
    return nonce;
}

static const char *asks(int nth)
{
    static char text[256];

    snprintf(text, sizeof text, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: HX nonce=\"%s\"" NOTHING,
             nonce_of(nth));
    return text;
}

/* Of a request with a proof: whose it is; AUTHORIZATION_PSK + 1: nobody's. */
static int proven(const char *nonce)
{
    static const char field[] = "\r\nAuthorization: ";
    char message[AUTHORIZATION_MESSAGE_MAX], target[512], host[64];
    struct authorization a;
    const char *at = strstr(scripted_request, field), *end = at ? strstr(at + 2, "\r\n") : NULL;
    const char *host_at = strstr(scripted_request, "\r\nHost: 127.0.0.1:");

    if (!end || !host_at || sscanf(host_at, " Host: %63s", host) != 1 ||
        authorization_parse(&a, at + strlen(field), (size_t)(end - at) - strlen(field)) != HX_OK ||
        sscanf(scripted_request, "GET %511s HTTP/1.1", target) != 1)
        return AUTHORIZATION_PSK + 1;
    size_t len = (size_t)authorization_message(message, nonce, "GET", target, host);
    if (a.key.kind == AUTHORIZATION_PSK)
        return identity_psk_verify(shared.auth, message, len, a.proof) == HX_OK ? AUTHORIZATION_PSK
                                                                                : AUTHORIZATION_PSK + 1;
    return identity_verify(device.public_key, message, len, a.proof) == HX_OK ? AUTHORIZATION_ED25519
                                                                              : AUTHORIZATION_PSK + 1;
}

static const char *refuses(void)
{
    return "HTTP/1.1 403 Forbidden" SAYS("not by that");
}

static bool is_bare(void)
{
    return !strstr(scripted_request, "Authorization") && !strstr(scripted_request, "Host");
}

static const char *knows_the_device(int nth, bool ipv6)
{
    static char nonce[AUTHORIZATION_NONCE_MAX];
    (void)ipv6;

    if (is_bare()) {
        snprintf(nonce, sizeof nonce, "%s", nonce_of(nth));
        return asks(nth);
    }
    if (proven(nonce) != AUTHORIZATION_ED25519)
        return refuses();
    return strstr(scripted_request, "/connect?") ? "HTTP/1.1 404 Not Found" NOTHING : NULL;
}

/* The nonce that was not spent is good for the other key. */
static const char *knows_the_shared_key(int nth, bool ipv6)
{
    static char nonce[AUTHORIZATION_NONCE_MAX];
    (void)ipv6;

    if (is_bare()) {
        snprintf(nonce, sizeof nonce, "%s", nonce_of(nth));
        return asks(nth);
    }
    return proven(nonce) == AUTHORIZATION_PSK ? "HTTP/1.1 404 Not Found" NOTHING : refuses();
}

static const char *knows_the_shared_key_by_another_nonce(int nth, bool ipv6)
{
    static char nonce[AUTHORIZATION_NONCE_MAX], text[256];
    (void)ipv6;

    if (!is_bare() && proven(nonce) == AUTHORIZATION_PSK)
        return "HTTP/1.1 404 Not Found" NOTHING;
    snprintf(nonce, sizeof nonce, "%s", nonce_of(nth));
    if (is_bare())
        return asks(nth);
    snprintf(text, sizeof text,
             "HTTP/1.1 403 Forbidden\r\nAuthentication-Info: nextnonce=\"%s\"\r\nContent-Length: 0\r\n\r\n",
             nonce);
    return text;
}

static const char *asks_again_and_again(int nth, bool ipv6)
{
    (void)ipv6;
    return asks(nth);
}

static const char *refuses_all(int nth, bool ipv6)
{
    (void)nth, (void)ipv6;
    return refuses();
}

static const char *knows_nobody(int nth, bool ipv6)
{
    (void)nth, (void)ipv6;
    return "HTTP/1.1 404 Not Found" NOTHING;
}

static const char *allows_the_second_time(int nth, bool ipv6)
{
    (void)ipv6;
    return nth == 0 ? refuses() : NULL;
}

/* ---- libhx ---- */

/* A line for each event. */
static void tell_event(void *user, const struct hx_event_info *info)
{
    char line[1024];
    const char *what = info->event == HX_EVENT_BOUND                ? "bound"
                       : info->event == HX_EVENT_REJECTED           ? "rejected"
                       : info->event == HX_EVENT_NAMESERVER_AWAITED ? "awaited"
                                                                    : NULL;
    (void)user;
    int len = what ? snprintf(line, sizeof line, "%s %s\n", what, info->text) : 0;
    if (len > 0)
        (void)!write(events_fd, line, (size_t)len);
}

static struct hx_config configured(int say_fd)
{
    events_fd = say_fd;
    return (struct hx_config){.nameserver = where,
                              .device_key = has_device ? device_key : NULL,
                              .keys = has_shared ? shared_key : NULL,
                              .timeout_ms = patience_ms,
                              .on_event = tell_event};
}

static enum outcome hold(int hear_fd, int say_fd)
{
    struct hx_config config = configured(say_fd);
    struct hx_listener *l;
    int err = hx_bind(&l, &config, "name");

    if (err == HX_OK) {
        (void)hear(hear_fd);
        hx_listener_close(l);
    }
    hx_cleanup();
    return (enum outcome) - err;
}

static enum outcome ask_for_name(int hear_fd, int say_fd)
{
    struct hx_config config = configured(say_fd);
    struct hx_stream *s;

    (void)hear_fd;
    int err = hx_connect(&s, &config, "name", PATIENCE_MS);
    hx_cleanup();
    return (enum outcome) - err;
}

static enum outcome join(int hear_fd, int say_fd)
{
    struct hx_config config = configured(say_fd);
    struct hx_group *g;

    config.name = "me";
    int err = hx_group_join(&g, &config, "name", 2);
    if (err == HX_OK) {
        (void)hear(hear_fd);
        hx_group_leave(g);
    }
    hx_cleanup();
    return (enum outcome) - err;
}

/* ---- the tests ---- */

static struct scripted begin(script *answer, bool with_device, bool with_shared)
{
    struct scripted s;
    int line;
    struct keyring ring;

    has_device = with_device;
    has_shared = with_shared;
    patience_ms = PATIENCE_MS;
    assert_int_equal(hx_device_key_generate(device_key), HX_OK);
    assert_int_equal(identity_parse(&device, device_key, strlen(device_key)), HX_OK);
    assert_int_equal(hx_key_generate(shared_key), HX_OK);
    assert_int_equal(keyring_parse(&ring, shared_key, strlen(shared_key), &line), HX_OK);
    shared = ring.keys[0];
    keyring_free(&ring);
    s = scripted_start(answer);
    snprintf(where, sizeof where, "127.0.0.1:%u", s.port);
    return s;
}

static void assert_line(struct process *p, const char *expected)
{
    char line[1024];
    size_t len = 0;

    while (len < sizeof line - 1 && read(p->hear, line + len, 1) == 1 && line[len] != '\n')
        len++;
    line[len] = '\0';
    assert_string_equal(line, expected);
}

static void a_name_is_bound_with_the_devices_proof_on_the_same_connection(void **state)
{
    struct scripted s = begin(knows_the_device, true, false);
    (void)state;
    struct process holder = start(hold);
    assert_line(&holder, "bound ");
    assert_int_equal(finish(&holder), DONE);
    assert_string_equal(scripted_stop(&s), "4A");
}

static void so_is_a_peer_asked_for_and_a_session_joined(void **state)
{
    struct scripted s = begin(knows_the_device, true, false);
    (void)state;
    struct process asking = start(ask_for_name);
    assert_int_equal(finish(&asking), -HX_ENOTFOUND);
    assert_string_equal(scripted_stop(&s), "44");
    s = begin(knows_the_device, true, true);
    struct process member = start(join);
    assert_int_equal(scripted_heard(&s), '4');
    assert_int_equal(scripted_heard(&s), '4');
    assert_int_equal(finish(&member), DONE);
    scripted_stop(&s);
}

static void without_a_key_of_the_device_the_one_that_is_shared_is_proven(void **state)
{
    struct scripted s = begin(knows_the_shared_key, false, true);
    (void)state;
    struct process asking = start(ask_for_name);
    assert_int_equal(finish(&asking), -HX_ENOTFOUND);
    assert_string_equal(scripted_stop(&s), "44");
}

static void and_also_where_the_devices_is_not_allowed(void **state)
{
    static script *const scripts[] = {knows_the_shared_key, knows_the_shared_key_by_another_nonce};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct scripted s = begin(scripts[i], true, true);
        struct process asking = start(ask_for_name);
        assert_int_equal(finish(&asking), -HX_ENOTFOUND);
        assert_string_equal(scripted_stop(&s), "444");
    }
}

static void who_has_no_key_hears_how_to_make_one(void **state)
{
    struct scripted s = begin(knows_the_device, false, false);
    (void)state;
    struct process asking = start(ask_for_name);
    assert_line(&asking, "rejected the nameserver wants to know who asks; this host has no key to prove: "
                         "`hx key --device` makes one");
    assert_int_equal(finish(&asking), -HX_EDENIED);
    assert_string_equal(scripted_stop(&s), "4");
}

static void who_is_not_allowed_hears_what_line_is_missing(void **state)
{
    struct scripted s = begin(knows_the_shared_key, true, false);
    char public_key[HX_KEY_TEXT_MAX], expected[512];
    (void)state;
    assert_int_equal(hx_device_key_public(public_key, device_key), HX_OK);
    snprintf(expected, sizeof expected,
             "rejected not by that; its --auth FILE needs a line `name connect %s`", public_key);
    struct process asking = start(ask_for_name);
    assert_line(&asking, expected);
    assert_int_equal(finish(&asking), -HX_EDENIED);
    assert_string_equal(scripted_stop(&s), "44");
}

static void no_more_is_proven_than_there_are_keys(void **state)
{
    struct scripted s = begin(asks_again_and_again, true, true);
    (void)state;
    struct process asking = start(ask_for_name);
    assert_int_equal(finish(&asking), -HX_EDENIED);
    assert_string_equal(scripted_stop(&s), "444");
}

static void a_nameserver_that_refuses_without_asking_is_shown_nothing(void **state)
{
    struct scripted s = begin(refuses_all, true, true);
    (void)state;
    struct process asking = start(ask_for_name);
    assert_int_equal(finish(&asking), -HX_EDENIED);
    assert_string_equal(scripted_stop(&s), "4");
}

static void who_binds_asks_again_since_it_may_come_to_be_allowed(void **state)
{
    struct scripted s = begin(allows_the_second_time, false, true);
    (void)state;
    struct process holder = start(hold);
    assert_line(&holder, "awaited not by that; its --auth FILE needs a line `name bind psk:HASH`, with what "
                         "`hx key --auth` prints");
    assert_line(&holder, "bound ");
    assert_int_equal(finish(&holder), DONE);
    assert_string_equal(scripted_stop(&s), "4A");
}

static void and_hears_in_the_end_that_it_was_not(void **state)
{
    struct scripted s = begin(refuses_all, true, false);
    (void)state;
    patience_ms = 300;
    struct process holder = start(hold);
    int outcome = finish(&holder);
    if (outcome != -HX_ETIMEDOUT) /* a busy machine: no answer in that time */
        assert_int_equal(outcome, -HX_EDENIED);
    scripted_stop(&s);
}

static void another_nameserver_may_know_the_peer(void **state)
{
    struct scripted first = begin(refuses_all, true, false), second = scripted_start(knows_nobody);
    (void)state;
    snprintf(where, sizeof where, "127.0.0.1:%u,127.0.0.1:%u", first.port, second.port);
    struct process asking = start(ask_for_name);
    assert_int_equal(finish(&asking), -HX_EDENIED);
    assert_string_equal(scripted_stop(&first), "4");
    assert_string_equal(scripted_stop(&second), "4");
}

static void what_is_no_key_of_a_device_is_refused(void **state)
{
    struct hx_config config = {.nameserver = "127.0.0.1", .device_key = device_key};
    char public_key[HX_KEY_TEXT_MAX];
    struct hx_listener *l;
    (void)state;
    assert_int_equal(hx_device_key_generate(device_key), HX_OK);
    assert_int_equal(hx_device_key_public(public_key, device_key), HX_OK);
    assert_int_equal(strlen(public_key), strlen("ed25519:") + 43);
    device_key[20] = device_key[20] == 'a' ? 'b' : 'a';
    assert_int_equal(hx_device_key_public(public_key, device_key), HX_EINVAL);
    assert_int_equal(hx_bind(&l, &config, "name"), HX_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_bound_with_the_devices_proof_on_the_same_connection),
        cmocka_unit_test(so_is_a_peer_asked_for_and_a_session_joined),
        cmocka_unit_test(without_a_key_of_the_device_the_one_that_is_shared_is_proven),
        cmocka_unit_test(and_also_where_the_devices_is_not_allowed),
        cmocka_unit_test(who_has_no_key_hears_how_to_make_one),
        cmocka_unit_test(who_is_not_allowed_hears_what_line_is_missing),
        cmocka_unit_test(no_more_is_proven_than_there_are_keys),
        cmocka_unit_test(a_nameserver_that_refuses_without_asking_is_shown_nothing),
        cmocka_unit_test(who_binds_asks_again_since_it_may_come_to_be_allowed),
        cmocka_unit_test(and_hears_in_the_end_that_it_was_not),
        cmocka_unit_test(another_nameserver_may_know_the_peer),
        cmocka_unit_test(what_is_no_key_of_a_device_is_refused),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("client proof", tests, NULL, NULL);
}
