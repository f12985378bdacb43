/* Sees hx.h as an application does: without base/error.h. */
#include "client/hx.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The texts are base/error.h's: a number that stood for another code in hx.h would get another's text. */
static void each_public_code_has_its_own_text(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *text;
    } all[] = {{HX_OK, "success"},
               {HX_EAGAIN, "would block"},
               {HX_ECLOSED, "connection closed"},
               {HX_EEOF, "end of stream"},
               {HX_EPROTO, "malformed message"},
               {HX_ETOOBIG, "message or queue too big"},
               {HX_EINVAL, "invalid argument"},
               {HX_ENOMEM, "out of memory"},
               {HX_ETIMEDOUT, "timed out"},
               {HX_EREFUSED, "connection refused"},
               {HX_ERESOLVE, "host name could not be resolved"},
               {HX_ENOTFOUND, "nobody holds that name"},
               {HX_ECONFLICT, "the name is held by a living connection"},
               {HX_ELIMIT, "a limit was reached, try again later"},
               {HX_EPUNCH, "no packet came through the hole"},
               {HX_EADDR, "address cannot be used"},
               {HX_ESYS, "system error"},
               {HX_ECANCELED, "canceled"},
               {HX_EREJECTED, "the nameserver rejected the request"},
               {HX_EAUTH, "the peer does not have the key"},
               {HX_EFLOOD, "flood: too many requests in too short a time"},
               {HX_EFAMILY, "no address family in common with the peer"},
               {HX_EPROXY, "no way through the HTTP proxy"},
               {HX_ECERT, "the server's certificate is not accepted"},
               {HX_EDENIED, "the nameserver does not allow it"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_string_equal(hx_strerror(all[i].code), all[i].text);
}

static void the_public_list_is_complete(void **state)
{
    (void)state;
    for (int code = HX_EDENIED; code <= HX_OK; code++)
        assert_string_not_equal(hx_strerror(code), "unknown error");
    assert_string_equal(hx_strerror(HX_EDENIED - 1), "unknown error");
}

static void bad_arguments_are_refused_before_anything_is_sent(void **state)
{
    (void)state;
    struct hx_stream *stream = NULL;
    struct hx_listener *listener = NULL;
    struct hx_config none = {.nameserver = NULL};
    struct hx_config good = {.nameserver = "127.0.0.1:1"};
    struct hx_config bad_port = {.nameserver = "127.0.0.1:99999"};
    struct hx_config bad_wait = {.nameserver = "127.0.0.1:1", .wait_s = 61};
    struct hx_config bad_name = {.nameserver = "127.0.0.1:1", .name = "two words"};
    char long_name[HX_NAME_MAX + 2];
    memset(long_name, 'a', sizeof long_name);
    long_name[HX_NAME_MAX + 1] = '\0';
    assert_int_equal(hx_connect(&stream, &none, "a", 0), HX_EINVAL);
    assert_int_equal(hx_connect(&stream, NULL, "a", 0), HX_EINVAL);
    assert_int_equal(hx_connect(&stream, &good, "", 0), HX_EINVAL);
    assert_int_equal(hx_connect(&stream, &good, NULL, 0), HX_EINVAL);
    assert_int_equal(hx_connect(&stream, &good, "a:b", 0), HX_EINVAL);
    assert_int_equal(hx_connect(&stream, &good, long_name, 0), HX_EINVAL);
    assert_int_equal(hx_connect(&stream, &bad_port, "a", 0), HX_EINVAL);
    assert_int_equal(hx_connect(&stream, &bad_wait, "a", 0), HX_EINVAL);
    assert_int_equal(hx_connect(&stream, &bad_name, "a", 0), HX_EINVAL);
    assert_int_equal(hx_bind(&listener, &good, "a b"), HX_EINVAL);
    assert_null(stream);
    assert_null(listener);
    assert_int_equal(hx_close(NULL), HX_OK);
    hx_listener_close(NULL);
}

static void after_the_cleanup_nothing_can_be_begun(void **state)
{
    (void)state;
    struct hx_stream *stream = NULL;
    struct hx_config good = {.nameserver = "127.0.0.1:1"};
    hx_cleanup();
    hx_cleanup();
    assert_int_equal(hx_connect(&stream, &good, "a", 0), HX_ECANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_public_code_has_its_own_text),
        cmocka_unit_test(the_public_list_is_complete),
        cmocka_unit_test(bad_arguments_are_refused_before_anything_is_sent),
        cmocka_unit_test(after_the_cleanup_nothing_can_be_begun),
    };
    return cmocka_run_group_tests_name("client codes", tests, NULL, NULL);
}
