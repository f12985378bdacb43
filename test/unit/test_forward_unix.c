/* Forwards between Unix sockets, and the files of those that listen. */
#include "test/unit/forward_fixture.h"
#include <sys/stat.h>
#include <sys/un.h>

static char dir[] = "/tmp/hx-unix-XXXXXX"; /* mkdtemp() writes to it */
static char here[64], there[64];

static void make_paths(void)
{
    snprintf(dir, sizeof dir, "/tmp/hx-unix-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(here, sizeof here, "%s/here.sock", dir);
    snprintf(there, sizeof there, "%s/there.sock", dir);
}

static int unix_socket(int type, const char *path, struct sockaddr_un *sa)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    *sa = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(sa->sun_path, sizeof sa->sun_path, "%s", path);
    return fd;
}

/* Another's, with mode `mode`; `backlog` -1: it does not listen. */
static int bind_to(const char *path, mode_t mode, int backlog)
{
    struct sockaddr_un sa;
    int fd = unix_socket(SOCK_STREAM, path, &sa);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(chmod(path, mode), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

/* Connected, or -1. */
static int connect_to(const char *path)
{
    struct sockaddr_un sa;
    int fd = unix_socket(SOCK_STREAM, path, &sa);
    if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
        return fd;
    close(fd);
    return -1;
}

static int begin_unix(void **state)
{
    make_paths();
    begin(state);
    close(target_fd);
    target_fd = bind_to(there, 0600, 64);
    assert_int_equal(allow_add(allow, there), HX_OK);
    return 0;
}

static int end_unix(void **state)
{
    end(state);
    (void)unlink(here);
    (void)unlink(there);
    assert_int_equal(rmdir(dir), 0);
    return 0;
}

/* HX_OK, or what forward_create() says; `why` gets its reason. */
static int try_forward(const char *listen, const char *target, char why[FORWARD_ERROR_MAX])
{
    char spec[512];
    snprintf(spec, sizeof spec, "%s:%s", listen, target);
    int err = forward_create(&forward, loop, FORWARD_LOCAL, spec, why);
    if (err != HX_OK)
        forward = NULL;
    else
        forward_set_link(forward, &near);
    return err;
}

static void check_refused(const char *reason)
{
    char why[FORWARD_ERROR_MAX];
    assert_int_equal(try_forward(here, there, why), HX_EADDR);
    if (!strstr(why, reason) || !strstr(why, here))
        fail_msg("'%s' is not about: %s", why, reason);
}

static void check_works(void)
{
    char why[FORWARD_ERROR_MAX];
    if (try_forward(here, there, why) != HX_OK)
        fail_msg("%s", why);
    int fd = connect_to(here);
    assert_true(fd >= 0);
    check_talk(fd);
}

static void a_unix_socket_leads_to_one_at_the_other_side(void **state)
{
    (void)state;
    check_works();
}

static void its_file_is_for_its_owner_alone_and_goes_in_the_end(void **state)
{
    struct stat st;
    mode_t before = umask(0);
    (void)state;
    check_works();
    umask(before);
    assert_int_equal(stat(here, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    forward_destroy(forward);
    forward = NULL;
    assert_int_equal(stat(here, &st), -1);
}

static void what_an_hx_that_was_killed_has_left_is_replaced(void **state)
{
    (void)state;
    close(bind_to(here, 0600, 1));
    check_works();
}

static void what_another_program_has_left_stays(void **state)
{
    struct stat st;
    (void)state;
    close(bind_to(here, 0755, 1));
    check_refused("another user or program");
    assert_int_equal(stat(here, &st), 0);
}

static void what_another_user_has_left_stays(void **state)
{
    (void)state;
    if (geteuid() != 0) /* others cannot give files away */
        skip();
    close(bind_to(here, 0600, 1));
    assert_int_equal(chown(here, 65534, (gid_t)-1), 0);
    check_refused("another user or program");
}

static void where_somebody_listens_stays_so(void **state)
{
    (void)state;
    int fd = bind_to(here, 0600, 0);
    check_refused("somebody listens");
    int busy = connect_to(here); /* its queue is full of us now */
    check_refused("somebody listens");
    if (busy >= 0)
        close(busy);
    close(fd);
}

static void a_socket_for_datagrams_is_not_taken_for_a_stale_one(void **state)
{
    struct sockaddr_un sa;
    (void)state;
    int fd = unix_socket(SOCK_DGRAM, here, &sa);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(chmod(here, 0600), 0);
    check_refused("somebody listens");
    close(fd);
}

static void what_is_no_socket_stays(void **state)
{
    struct stat st;
    (void)state;
    FILE *f = fopen(here, "w");
    assert_non_null(f);
    assert_true(fputs("mine", f) >= 0);
    fclose(f);
    assert_int_equal(chmod(here, 0600), 0);
    check_refused("no socket");
    assert_int_equal(stat(here, &st), 0);
    assert_int_equal(st.st_size, 4);
    assert_int_equal(unlink(here), 0);
    assert_int_equal(symlink("nowhere", here), 0);
    check_refused("no socket");
    assert_int_equal(unlink(here), 0);
    assert_int_equal(mkdir(here, 0700), 0);
    check_refused("no socket");
    assert_int_equal(rmdir(here), 0);
}

static void a_file_that_took_the_place_of_ours_stays(void **state)
{
    struct stat st;
    (void)state;
    check_works();
    assert_int_equal(unlink(here), 0);
    int fd = bind_to(here, 0600, 1);
    forward_destroy(forward);
    forward = NULL;
    assert_int_equal(stat(here, &st), 0);
    close(fd);
}

static void a_directory_that_is_not_there_is_told(void **state)
{
    (void)state;
    snprintf(here, sizeof here, "%s/none/here.sock", dir);
    check_refused("No such file");
}

static void a_socket_that_is_not_there_ends_the_connection(void **state)
{
    char why[FORWARD_ERROR_MAX], data[1];
    char gone[80];
    (void)state;
    snprintf(gone, sizeof gone, "%s.gone", there);
    assert_int_equal(allow_add(allow, gone), HX_OK);
    assert_int_equal(try_forward(here, gone, why), HX_OK);
    int fd = connect_to(here);
    assert_int_equal(receive(fd, data, 1), 0);
    AWAIT(forward->count == 0 && mux_stream_count(far) == 0);
    close(fd);
}

static void a_socket_that_is_not_allowed_is_not_connected_to(void **state)
{
    char why[FORWARD_ERROR_MAX], data[1], other[80];
    (void)state;
    snprintf(other, sizeof other, "%s/./there.sock", dir);
    assert_int_equal(try_forward(here, other, why), HX_OK);
    int fd = connect_to(here);
    assert_int_equal(receive(fd, data, 1), 0);
    assert_int_equal(accept4(target_fd, NULL, NULL, SOCK_CLOEXEC), -1);
    close(fd);
}

/* connect(2) says EAGAIN then, and nothing tells when there is room. */
static void a_socket_whose_queue_is_full_is_waited_for(void **state)
{
    char why[FORWARD_ERROR_MAX];
    int full[16], count = 0;
    (void)state;
    close(target_fd);
    assert_int_equal(unlink(there), 0);
    target_fd = bind_to(there, 0600, 1);
    while (count < 16 && (full[count] = connect_to(there)) >= 0)
        count++;
    assert_in_range(count, 1, 15);
    assert_int_equal(try_forward(here, there, why), HX_OK);
    int fd = connect_to(here);
    AWAIT(requests == 1);
    for (int i = 0; i < 50; i++)
        turn();
    assert_int_equal(forward->count, 1);
    for (int i = 0; i < count; i++) {
        close(accept_target());
        close(full[i]);
    }
    check_talk(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_unix_socket_leads_to_one_at_the_other_side, begin_unix, end_unix),
        cmocka_unit_test_setup_teardown(its_file_is_for_its_owner_alone_and_goes_in_the_end, begin_unix,
                                        end_unix),
        cmocka_unit_test_setup_teardown(what_an_hx_that_was_killed_has_left_is_replaced, begin_unix,
                                        end_unix),
        cmocka_unit_test_setup_teardown(what_another_program_has_left_stays, begin_unix, end_unix),
        cmocka_unit_test_setup_teardown(what_another_user_has_left_stays, begin_unix, end_unix),
        cmocka_unit_test_setup_teardown(where_somebody_listens_stays_so, begin_unix, end_unix),
        cmocka_unit_test_setup_teardown(a_socket_for_datagrams_is_not_taken_for_a_stale_one, begin_unix,
                                        end_unix),
        cmocka_unit_test_setup_teardown(what_is_no_socket_stays, begin_unix, end_unix),
        cmocka_unit_test_setup_teardown(a_file_that_took_the_place_of_ours_stays, begin_unix, end_unix),
        cmocka_unit_test_setup_teardown(a_directory_that_is_not_there_is_told, begin_unix, end_unix),
        cmocka_unit_test_setup_teardown(a_socket_that_is_not_there_ends_the_connection, begin_unix, end_unix),
        cmocka_unit_test_setup_teardown(a_socket_that_is_not_allowed_is_not_connected_to, begin_unix,
                                        end_unix),
        cmocka_unit_test_setup_teardown(a_socket_whose_queue_is_full_is_waited_for, begin_unix, end_unix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
