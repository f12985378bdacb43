/* hx cp by batches: what it costs, and what a peer may say. */
#include "client/files/batch.h"
#include "files_fixture.h"

static void assert_same_tree(const struct fixture *x, const char *a, const char *b)
{
    char command[512];
    snprintf(
        command, sizeof command,
        "diff -r %s %s && (cd %s && find . -mindepth 1 -printf '%%P %%m %%T@\\n' | sort) >list.a && "
        "(cd %s && find . -mindepth 1 -printf '%%P %%m %%T@\\n' | sort) >list.b && diff list.a list.b >&2",
        a, b, a, b);
    shell(x, command);
}

/* Every byte that one side has to say reaches the other one, which has then done all that it can, before that
 * one's answer does: how often the client had something to say. */
static int round_trips(struct copy *c)
{
    struct fixture *x = c->x;
    int trips = 0;
    ev_tstamp end = ev_time() + DEADLINE_S;
    while (!c->done) {
        bool said = false;
        while (pass(x, x->client, x->server))
            said = true;
        trips += said;
        bool moved = false;
        for (int quiet = 0; quiet < 5 && !c->done;
             quiet++) { /* turns of both sides; a disk may be waited for */
            if (pass(x, x->server, x->client))
                quiet = 0, moved = true;
            ev_run(x->loop, EVRUN_NOWAIT);
        }
        if (!said && !moved && !c->done)
            ev_run(x->loop, EVRUN_ONCE);
        assert_true(ev_time() < end);
    }
    files_state(c->files, &c->state);
    return trips;
}

static int trips_of(struct fixture *x, bool upload, const char *local, const char *remote, int64_t moved)
{
    struct copy c;
    assert_int_equal(copy_begin(&c, x, upload, local, remote), HX_OK);
    int trips = round_trips(&c);
    assert_int_equal(c.state.failed, 0);
    assert_int_equal(c.state.moved, moved);
    copy_end(&c);
    return trips;
}

static void a_tree_takes_few_round_trips_and_fewer_when_it_is_there(void **state)
{
    struct fixture *x = *state;
    shell(x, "mkdir -p t/a/b t/c/d t/e out && for i in $(seq 15); do for d in a a/b c/d; do echo $i "
             ">t/$d/$i; done; done");
    int64_t bytes = 3 * (9 * 2 + 6 * 3);
    assert_in_range(trips_of(x, true, "t", "up", bytes), 1, 5);
    assert_same_tree(x, "t", "share/up");
    assert_in_range(trips_of(x, true, "t/.", "up", 0), 1, 5);
    assert_in_range(trips_of(x, false, "out", "up", bytes), 1, 5);
    assert_same_tree(x, "t", "out/up");
    assert_in_range(trips_of(x, false, "out", "up", 0), 1, 5);
    assert_same_tree(x, "t", "out/up");
}

static void hundreds_of_files_take_a_handful_of_requests(void **state)
{
    struct fixture *x = *state;
    shell(x, "mkdir -p t && for d in $(seq 10); do mkdir t/$d; for i in $(seq 30); do echo $i >t/$d/$i; "
             "done; done");
    assert_int_equal(put(x, "t", "up"), 0);
    assert_in_range(x->requests, 2, 4);
    assert_same_tree(x, "t", "share/up");
    x->requests = 0;
    assert_int_equal(get(x, "up", "out"), 0);
    assert_in_range(x->requests, 3, 4);
    assert_same_tree(x, "t", "out");
    assert_int_equal(count_names(x, "out/7", "hx-part") + count_names(x, "share/up/7", "hx-part"), 0);
}

static void only_what_differs_is_moved(void **state)
{
    struct fixture *x = *state;
    shell(x,
          "mkdir -p t/d && for i in $(seq 20); do echo $i >t/d/$i; done && head -c 1500000 /dev/zero >t/big");
    assert_int_equal(put(x, "t", "up"), 0);
    shell(x, "touch -r t/d/7 time && echo x >t/d/7 && touch -r time t/d/7"); /* the same size and time */
    assert_int_equal(trips_of(x, true, "t/.", "up", 2) <= 6, 1);
    assert_same_tree(x, "t", "share/up");
    shell(x, "echo longer >share/up/d/8 && echo new >share/up/d/21");
    assert_int_equal(trips_of(x, false, "t", "up/.", 11) <= 6, 1);
    assert_same_tree(x, "t", "share/up");
}

/* Of one size and time, but other bytes: 1.5 MB go by a request of their own, once it is known. */
static void a_big_file_of_a_tree_is_compared_too(void **state)
{
    struct fixture *x = *state;
    shell(x, "mkdir -p t out && head -c 1500000 /dev/zero >t/big && head -c 1500000 /dev/zero >t/other && "
             "echo 1 >t/f");
    assert_int_equal(put(x, "t", "up"), 0);
    assert_int_equal(get(x, "up", "out"), 0);
    assert_int_equal(trips_of(x, false, "out", "up", 0) > 0, 1);
    shell(x, "touch -r out/up/big time && echo x | dd of=out/up/big bs=1 conv=notrunc status=none && "
             "touch -r time out/up/big");
    assert_int_equal(trips_of(x, false, "out", "up", 1500000) > 0, 1);
    assert_same_tree(x, "share/up", "out/up");
    shell(x,
          "touch -r t/big time && echo x | dd of=t/big bs=1 conv=notrunc status=none && touch -r time t/big");
    assert_int_equal(trips_of(x, true, "t/.", "up", 1500000) > 0, 1);
    assert_same_tree(x, "t", "share/up");
}

/* Its share answers everything but does not know batches, or only says so. */
static void without_batches(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    static const struct mux_field refusal[] = {{":status", "405"},
                                               {"hx-reason", "the methods are GET, HEAD and PUT"}};
    const struct mux_message refused = {.fields = refusal, .count = 2, .ended = true};
    if (strcmp(mux_field(m, ":method"), "POST") != 0) {
        share_request(&x->peer, s, m);
        return;
    }
    assert_int_equal(mux_respond(s, &refused), HX_OK);
    mux_stream_leave(s);
}

static void a_peer_that_takes_no_batch_is_asked_for_each(void **state)
{
    struct fixture *x = *state;
    x->on_request = without_batches;
    shell(x, "mkdir -p t/d && for i in $(seq 40); do echo $i >t/d/$i; done");
    assert_int_equal(put(x, "t", "up"), 0);
    assert_same_tree(x, "t", "share/up");
    assert_true(x->requests > 40);
    assert_int_equal(get(x, "up", "out"), 0);
    assert_same_tree(x, "t", "out");
}

/* Lists a file and a directory, offers batches, and answers them with x->listing. */
static void evil(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    static const struct mux_stream_events nothing = {.closed = NULL};
    static const struct mux_field fields[] = {{":status", "200"}, {"hx-type", "directory"},
                                              {"hx-size", "0"},   {"hx-mtime", "1"},
                                              {"hx-mode", "755"}, {"hx-batch", "1"}};
    static const char tree[] = "f 644 4 1 a\nf 644 4 1 a\nf 644 4 1 b\n. 3 0\n";
    const char *method = mux_field(m, ":method");
    struct mux_message answer = {.fields = fields, .count = 6, .ended = strcmp(method, "HEAD") == 0};
    const char *body = strcmp(method, "GET") == 0 ? tree : x->listing;
    if (strcmp(method, "GET") == 0 && strcmp(mux_field(m, ":path"), "/files/t") != 0)
        answer.ended = true;
    mux_stream_own(s, &nothing, NULL);
    assert_int_equal(mux_respond(s, &answer), HX_OK);
    if (!answer.ended) {
        assert_int_equal(mux_stream_write(s, body, strlen(body)), strlen(body));
        mux_stream_end(s);
    }
}

/* Nothing of it gets a name, nothing is taken for done, and it ends. */
static void answers_that_make_no_sense_write_nothing(void **state)
{
    struct fixture *x = *state;
    static const char *const answers[] = {
        "",
        "garbage\n",
        "200 0 \n",                                         /* no file */
        "201 0 \n201 0 \n201 0 \n",                         /* of what is put */
        "206 36 \nevil--------------------------------",    /* in part */
        "200 35 \nevi--------------------------------",     /* another length */
        "200 1048608 \nevil",                               /* likewise */
        "200 36 \nevil-------------",                       /* broken off */
        "200 36 \nevil--------------------------------",    /* a wrong sum */
        "404 5 none\nhello",                                /* bytes with an error */
        "404 0 none\n404 0 none\n404 0 none\n404 0 more\n", /* more answers than questions */
    };
    x->on_request = evil;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct copy c;
        shell(x, "rm -rf out && mkdir out");
        x->listing = answers[i];
        assert_int_equal(copy_begin(&c, x, false, "out", "t"), HX_OK);
        copy_run(&c);
        assert_int_equal(c.state.failed, 3);
        assert_int_equal(c.state.files_done, 0);
        copy_end(&c);
        shell(x, "test -z \"$(find out -type f ! -name '*.hx-part-*')\"");
    }
}

static void what_a_peer_says_of_a_failure_is_told(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    x->on_request = evil;
    x->listing = "403 0 permission denied\n404 0 does not exist\n500 0 \n";
    shell(x, "mkdir out");
    assert_int_equal(copy_begin(&c, x, false, "out", "t"), HX_OK);
    copy_run(&c);
    assert_int_equal(c.state.failed, 3);
    assert_string_equal(c.path, "t/b");
    assert_string_equal(c.reason, "the peer refuses it");
    copy_end(&c);
}

static void change_listed(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    if (strcmp(mux_field(m, ":method"), "POST") == 0)
        shell(x, "echo another >share/t/f2");
    share_request(&x->peer, s, m);
}

static void a_file_that_changed_after_it_was_listed_comes_as_it_is_now(void **state)
{
    struct fixture *x = *state;
    x->on_request = change_listed;
    shell(x, "mkdir -p share/t out && for i in $(seq 5); do echo $i >share/t/f$i; done");
    assert_int_equal(get(x, "t", "out"), 0);
    shell(x, "diff -r share/t out/t");
}

static void an_upload_of_a_tree_survives_breaks_at_any_place(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    int breaks = 0;
    shell(x, "mkdir -p t/a/b t/c && cd t && for i in $(seq 60); do head -c 5000 /dev/urandom >a/b/$i; echo "
             "$i >c/$i; done");
    assert_int_equal(copy_begin(&c, x, true, "t", "up"), HX_OK);
    while (!c.done) {
        x->cut = 100 + breaks * 31 % 200; /* of the answers */
        copy_run(&c);
        if (x->client)
            break;
        fixture_connect(x);
        files_attach(c.files, x->client);
        assert_true(++breaks < 500);
    }
    copy_end(&c);
    assert_true(breaks > 3);
    assert_int_equal(c.state.failed, 0);
    assert_int_equal(c.state.files_done, 120);
    assert_same_tree(x, "t", "share/up");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tree_takes_few_round_trips_and_fewer_when_it_is_there),
        TEST(hundreds_of_files_take_a_handful_of_requests),
        TEST(only_what_differs_is_moved),
        TEST(a_big_file_of_a_tree_is_compared_too),
        TEST(a_peer_that_takes_no_batch_is_asked_for_each),
        TEST(answers_that_make_no_sense_write_nothing),
        TEST(what_a_peer_says_of_a_failure_is_told),
        TEST(a_file_that_changed_after_it_was_listed_comes_as_it_is_now),
        TEST(an_upload_of_a_tree_survives_breaks_at_any_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
