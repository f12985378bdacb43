/* The store as a process of its own: its texts and transcripts, its death, and nonsense from either side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/sandbox.h"
#include "server/store_files.h"
#include "server/store_transcripts.h"
#include "test/unit/store_fixture.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void both_texts_are_read_again(void **state)
{
    (void)state;
    write_text(config_path, "log-level = debug\n");
    write_text(auth_path, "* bind any\n");
    start();
    assert_int_equal(store_read(store, STORE_TEXT_CONFIG | STORE_TEXT_AUTH), HX_OK);
    await_number(&seen.ends, 1);
    assert_int_equal(seen.which, STORE_TEXT_CONFIG | STORE_TEXT_AUTH);
    assert_string_equal(seen.error, "");
    assert_string_equal(seen.text[0], "log-level = debug\n");
    assert_string_equal(seen.text[1], "* bind any\n");
}

static void a_text_that_cannot_be_read_is_told_of_by_its_name(void **state)
{
    (void)state;
    write_text(config_path, "");
    start();
    assert_int_equal(store_read(store, STORE_TEXT_CONFIG | STORE_TEXT_AUTH), HX_OK);
    await_number(&seen.ends, 1);
    assert_non_null(strstr(seen.error, auth_path));
    assert_non_null(strstr(seen.error, "No such file"));
}

static void a_directory_that_cannot_be_watched_is_told_of(void **state)
{
    char nowhere[80];

    (void)state;
    snprintf(nowhere, sizeof nowhere, "%s/none/auth", folder);
    config.auth_path = nowhere;
    start();
    assert_non_null(strstr(seen.log, "event=store_trouble what=watch"));
    assert_non_null(strstr(seen.log, "SIGHUP has it read again"));
}

/* As editors do it: another file gets the name, and the old one another. */
static void a_renamed_file_is_read_by_itself_and_once(void **state)
{
    char other[80], backup[80];

    (void)state;
    write_text(auth_path, "* bind any\n");
    start();
    for (int i = 1; i <= 3; i++) {
        seen.len[1] = 0;
        snprintf(other, sizeof other, "%s/.auth.swp", folder);
        snprintf(backup, sizeof backup, "%s/auth~", folder);
        write_text(other, "alice bind any\n");
        assert_int_equal(rename(auth_path, backup), 0);
        assert_int_equal(rename(other, auth_path), 0);
        await_number(&seen.ends, i);
        assert_int_equal(seen.which, STORE_TEXT_AUTH);
        assert_string_equal(seen.text[1], "alice bind any\n");
    }
    write_text(backup, "something else\n");
    await_for(&seen.ends, 4, 5 * STORE_GATHER_MS);
    assert_int_equal(seen.ends, 3);
}

static void its_death_fails_what_waits_and_is_told_once(void **state)
{
    uint8_t key[STORE_KEY_BYTES] = {1};
    pid_t pid;
    int status;

    (void)state;
    start();
    pid = store->pid;
    kill(pid, SIGSTOP);
    assert_int_equal(store_claim(store, "alice", key), HX_OK);
    assert_int_equal(store_read(store, STORE_TEXT_CONFIG), HX_OK);
    kill(pid, SIGKILL);
    await_number(&seen.claimed, 1);
    assert_int_equal(seen.result, HX_ECLOSED);
    assert_int_equal(seen.ends, 1);
    await_for(&seen.claimed, 2, 200);
    assert_false(store_lives(store));
    assert_non_null(strstr(seen.log, "event=store_died reason=\"it has ended\" signal=9"));
    assert_int_equal(store_claim(store, "bob", key), HX_ECLOSED);
    assert_int_equal(store_read(store, STORE_TEXT_CONFIG), HX_ECLOSED);
    assert_int_equal(waitpid(pid, &status, WNOHANG), -1); /* no zombie */
}

/* The one between dies by SIGKILL; its orphan is ours then (prctl(2)). */
static void it_ends_with_its_server(void **state)
{
    int status, ends[2];
    pid_t orphan = 0;

    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t between = fork();
    if (between == 0) {
        if (store_start(&store, &config) == HX_OK && store_load(store) == HX_OK)
            (void)!write(ends[1], &store->pid, sizeof store->pid);
        kill(store->pid, SIGSTOP); /* so that it is not the end of the socket that ends it */
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(read(ends[0], &orphan, sizeof orphan), sizeof orphan);
    assert_int_equal(waitpid(between, &status, 0), between);
    assert_int_equal(waitpid(orphan, &status, 0), orphan);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
    close(ends[0]);
    close(ends[1]);
}

/* A disk that does not answer must not keep the server from its end. */
static void one_that_hangs_is_not_waited_for_when_the_server_ends(void **state)
{
    int status;

    (void)state;
    start();
    pid_t pid = store->pid;
    int64_t begun_ms = clock_now_ms();
    kill(pid, SIGSTOP);
    errno = EINTR; /* of whatever was called before */
    store_end(store);
    store = NULL;
    assert_true(clock_now_ms() - begun_ms >= STORE_END_MS);
    assert_non_null(strstr(seen.log, "event=store_slow"));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void the_servers_signals_do_not_end_it(void **state)
{
    sigset_t set, before;

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &before); /* as service_block_signals() does */
    start();
    sigprocmask(SIG_SETMASK, &before, NULL);
    kill(store->pid, SIGTERM);
    kill(store->pid, SIGINT);
    kill(store->pid, SIGHUP);
    kill(store->pid, SIGUSR1);
    claim("alice", 1, HX_OK);
}

static void it_keeps_no_descriptor_of_the_server(void **state)
{
    char path[64], target[256];
    struct dirent *e;
    int secret[2];

    (void)state;
    config.transcripts = folder;
    assert_int_equal(pipe(secret), 0);
    start();
    snprintf(path, sizeof path, "/proc/%d/fd", store->pid);
    DIR *d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
        if (n < 0 || strcmp(e->d_name, "2") == 0)
            continue;
        target[n] = '\0';
        if (strncmp(target, "pipe:", 5) == 0)
            fail_msg("%s is %s", e->d_name, target);
    }
    closedir(d);
    close(secret[0]);
    close(secret[1]);
}

static void it_is_under_a_filter_of_system_calls(void **state)
{
    char path[64], text[4096] = "";

    (void)state;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    start();
    snprintf(path, sizeof path, "/proc/%d/status", store->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    assert_non_null(strstr(text, sandbox_built() ? "\nSeccomp:\t2\n" : "\nSeccomp:\t0\n"));
    claim("alice", 1, HX_OK);
}

static uint32_t chance(uint32_t below)
{
    static uint32_t x = 0x9e3779b9;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x % below;
}

/* Half of them are nearly right. */
static size_t nonsense(uint8_t bytes[STORE_MESSAGE_MAX])
{
    size_t len = 1 + chance(chance(4) == 0 ? STORE_MESSAGE_MAX - 1 : 400);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)chance(256);
    if (chance(2) && len > STORE_MESSAGE_HEAD) {
        bytes[0] = (uint8_t)chance(STORE_KINDS + 1);
        memset(bytes + 1, 0, 8);
        bytes[9] = 0;
    }
    return len;
}

static void nonsense_from_the_server_ends_the_store_alone(void **state)
{
    uint8_t bytes[STORE_MESSAGE_MAX];
    int status;

    (void)state;
    for (int round = 0; round < 20; round++) {
        start();
        for (int i = 0; i < 200; i++)
            if (send(store->fd, bytes, nonsense(bytes), MSG_NOSIGNAL) < 0)
                break;
        shutdown(store->fd, SHUT_WR);
        assert_int_equal(waitpid(store->pid, &status, 0), store->pid);
        assert_true(WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == 2 || WEXITSTATUS(status) == 0);
        store_end(store);
        store = NULL;
    }
    start();
    claim("alice", 1, HX_OK);
}

/* Nobody else than the test is the store. */
static void nonsense_of_the_store_is_its_end_and_no_harm(void **state)
{
    uint8_t bytes[STORE_MESSAGE_MAX], key[STORE_KEY_BYTES] = {1};
    int died = 0;

    (void)state;
    for (int round = 0; round < 300; round++) {
        int fds[2];

        store = calloc(1, sizeof *store);
        assert_non_null(store);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        *store = (struct store){.fd = fds[0], .pid = -1, .reap_ms = -1};
        store_tell_texts(store, NULL);
        store_tell_owners(store, &owners);
        (void)store_claim(store, "alice", key);
        for (int i = 0; i < 20; i++) {
            size_t len = nonsense(bytes);
            if (send(fds[1], bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                break;
            store_take(store);
        }
        died += !store_lives(store);
        if (store->fd >= 0)
            close(store->fd);
        store->fd = -1;
        close(fds[1]);
        store_end(store);
        store = NULL;
    }
    assert_true(died > 200);
}

static void transcripts_are_written_and_the_oldest_give_way(void **state)
{
    char directory[64], path[128], text[1000];
    int count = 0;

    (void)state;
    snprintf(directory, sizeof directory, "%s/t", folder);
    assert_int_equal(mkdir(directory, 0700), 0);
    config.transcripts = directory;
    config.transcripts_max = 5500;
    memset(text, 'x', sizeof text);
    start();
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "time-%02d", i);
        assert_int_equal(store_write(store, STORE_WRITE_BEGIN, name, text, sizeof text / 2), HX_OK);
        assert_int_equal(store_write(store, STORE_WRITE_MORE, name, text, sizeof text / 2), HX_OK);
    }
    store_end(store);
    store = NULL;
    for (int i = 0; i < 20; i++) {
        struct stat st;
        snprintf(path, sizeof path, "%s/time-%02d.transcript", directory, i);
        if (stat(path, &st) == 0) {
            assert_true(i >= 15);
            assert_int_equal(st.st_size, sizeof text);
            count++;
        }
    }
    assert_int_equal(count, 5);
}

/* When it has read a text it has written what came before. */
static void await_written(void)
{
    assert_int_equal(store_read(store, STORE_TEXT_CONFIG), HX_OK);
    await_number(&seen.ends, seen.ends + 1);
}

/* What came later would stand where the missing piece would. */
static void a_transcript_that_finds_no_room_ends_there(void **state)
{
    struct rlimit all, few;
    char path[128];
    struct stat st;

    (void)state;
    signal(SIGXFSZ, SIG_IGN); /* as base/process.h has it */
    config.transcripts = folder;
    write_text(config_path, "");
    start();
    assert_int_equal(store_write(store, STORE_WRITE_BEGIN, "torn", "0123456789", 10), HX_OK);
    await_written();
    assert_int_equal(prlimit(store->pid, RLIMIT_FSIZE, NULL, &all), 0);
    few = (struct rlimit){15, all.rlim_max};
    assert_int_equal(prlimit(store->pid, RLIMIT_FSIZE, &few, NULL), 0);
    assert_int_equal(store_write(store, STORE_WRITE_MORE, "torn", "0123456789", 10), HX_OK);
    await_written();
    for (int64_t end_ms = clock_now_ms() + PATIENCE_MS;
         !strstr(seen.log, "torn.transcript: no space left");) {
        assert_true(clock_now_ms() < end_ms); /* it is told of behind all that came with it */
        await_for(&seen.ends, -1, 20);
    }
    assert_int_equal(prlimit(store->pid, RLIMIT_FSIZE, &all, NULL), 0);
    assert_int_equal(store_write(store, STORE_WRITE_MORE, "torn", "later", 5), HX_OK);
    assert_int_equal(store_write(store, STORE_WRITE_BEGIN, "next", "whole", 5), HX_OK);
    await_written();
    snprintf(path, sizeof path, "%s/torn.transcript", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 15);
    snprintf(path, sizeof path, "%s/next.transcript", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 5);
    signal(SIGXFSZ, SIG_DFL);
}

static void transcripts_are_bounded_in_number_and_what_is_beside_them_stays(void **state)
{
    char directory[64], first[128], path[128];
    struct dirent *e;
    int count = 0;

    (void)state;
    snprintf(directory, sizeof directory, "%s/t", folder);
    assert_int_equal(mkdir(directory, 0700), 0);
    snprintf(path, sizeof path, "%s/0-notes", directory);
    write_text(path, "mine\n");
    snprintf(first, sizeof first, "%s/time-00000.transcript", directory);
    write_text(first, "x\n");
    for (int i = 1; i < STORE_TRANSCRIPTS_FILES - 1; i++) {
        snprintf(path, sizeof path, "%s/time-%05d.transcript", directory, i);
        assert_int_equal(link(first, path), 0);
    }
    config.transcripts = directory;
    start();
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "time-later-%d", i);
        assert_int_equal(store_write(store, STORE_WRITE_BEGIN, path, "x", 1), HX_OK);
    }
    store_end(store);
    store = NULL;
    DIR *d = opendir(directory);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        count += strstr(e->d_name, STORE_TRANSCRIPT_END) != NULL;
    closedir(d);
    assert_int_equal(count, STORE_TRANSCRIPTS_FILES);
    assert_int_equal(access(first, F_OK), -1);
    snprintf(path, sizeof path, "%s/time-00004.transcript", directory);
    assert_int_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/0-notes", directory);
    assert_int_equal(access(path, F_OK), 0);
}

static void no_name_of_a_transcript_leads_out_of_its_directory(void **state)
{
    (void)state;
    config.transcripts = folder;
    start();
    assert_int_equal(store_write(store, STORE_WRITE_BEGIN, "../elsewhere", "x", 1), HX_OK);
    assert_int_equal(store_read(store, STORE_TEXT_CONFIG), HX_OK);
    await_number(&seen.ends, 1); /* of its death */
    assert_int_not_equal(access("/tmp/elsewhere.transcript", F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_texts_are_read_again),
        TEST(a_text_that_cannot_be_read_is_told_of_by_its_name),
        TEST(a_directory_that_cannot_be_watched_is_told_of),
        TEST(a_renamed_file_is_read_by_itself_and_once),
        TEST(its_death_fails_what_waits_and_is_told_once),
        TEST(it_ends_with_its_server),
        TEST(one_that_hangs_is_not_waited_for_when_the_server_ends),
        TEST(the_servers_signals_do_not_end_it),
        TEST(it_keeps_no_descriptor_of_the_server),
        TEST(it_is_under_a_filter_of_system_calls),
        TEST(nonsense_from_the_server_ends_the_store_alone),
        TEST(nonsense_of_the_store_is_its_end_and_no_harm),
        TEST(transcripts_are_written_and_the_oldest_give_way),
        TEST(a_transcript_that_finds_no_room_ends_there),
        TEST(transcripts_are_bounded_in_number_and_what_is_beside_them_stays),
        TEST(no_name_of_a_transcript_leads_out_of_its_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
