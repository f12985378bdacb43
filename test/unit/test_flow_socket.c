/* The socket of a flow's target. */
#include "client/forward/dial.h"
#include "client/forward/flow_socket.h"
#include "test/unit/cuts.h"
#include <arpa/inet.h>
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

static void why_there_is_none_is_told(void **state)
{
    struct lookup_list list = {.count = 1};
    struct sockaddr_in sa = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
    char address[ENDPOINT_TEXT_MAX];
    struct rlimit before;
    (void)state;
    memcpy(&list.address[0].sa, &sa, sizeof sa);
    list.address[0].len = sizeof sa;
    int fd = flow_socket_connect(&list, address);
    assert_true(fd >= 0);
    assert_string_equal(address, "127.0.0.1:9");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)fd + 1, before.rlim_max}), 0);
    int none = flow_socket_connect(&list, address), cause = errno;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(fd);
    assert_int_equal(none, -1);
    assert_ptr_equal(dial_failure_of(HX_OK, cause), &dial_internal);
    assert_string_equal(dial_failure_of(HX_OK, ENETUNREACH)->text, "cannot be reached");
    assert_string_equal(dial_failure_of(HX_ERESOLVE, 0)->text, "has no address");
    assert_ptr_equal(dial_failure_of(HX_ENOMEM, 0), &dial_internal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(why_there_is_none_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
