#include "client/files/choice.h"
#include "client/files/links.h"
#include "files_fixture.h"
#include <linux/openat2.h>
#include <sys/syscall.h>

struct told {
    struct copy copy;
    size_t links;
    char link[512];
};

static void on_link(void *user, const char *path)
{
    struct told *t = user;
    t->links++;
    snprintf(t->link, sizeof t->link, "%s", path);
}

/* As copy(), with what is done with links and other choices; `local` is below x->top. */
static size_t copy_as(struct told *t, struct fixture *x, bool upload, const char *local, const char *remote,
                      struct files_config config)
{
    char path[FIXTURE_PATH];
    below(x, path, local);
    memset(t, 0, sizeof *t);
    t->copy.x = x;
    config.loop = x->loop;
    config.upload = upload;
    config.local = path;
    config.remote = remote;
    config.link = on_link;
    config.report = on_report;
    config.done = on_done;
    config.user = t;
    assert_int_equal(files_create(&t->copy.files, &config), HX_OK);
    files_attach(t->copy.files, x->client);
    copy_run(&t->copy);
    assert_true(t->copy.done);
    copy_end(&t->copy);
    return t->copy.state.failed;
}

/* Cut at any place of a listing, which then is read again. */
static void links_are_counted_once_though_the_listing_breaks(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    shell(x, "mkdir share/t && for i in $(seq 300); do ln -s none share/t/$i; done");
    for (int64_t cut = 200; cut < 6000; cut += 400) {
        shell(x, "rm -rf out");
        assert_int_equal(copy_begin(&c, x, false, "out", "t"), HX_OK);
        x->cut = cut;
        copy_run(&c);
        x->cut = -1;
        if (!c.done) {
            fixture_connect(x);
            files_attach(c.files, x->client);
            copy_run(&c);
        }
        assert_true(c.done);
        assert_int_equal(c.state.failed, 0);
        assert_int_equal(c.state.skipped, 0);
        copy_end(&c);
    }
}

static void what_leads_out_is_known_by_its_text(void **state)
{
    (void)state;
    assert_true(link_is_safe("l", "f"));
    assert_true(link_is_safe("l", "./a/./b"));
    assert_true(link_is_safe("a/b/l", "../../f"));
    assert_true(link_is_safe("a/l", ".././f"));
    assert_true(link_is_safe("l", "..."));
    assert_false(link_is_safe("l", ""));
    assert_false(link_is_safe("l", "/etc/passwd"));
    assert_false(link_is_safe("l", ".."));
    assert_false(link_is_safe("a/l", "../../f"));
    assert_false(link_is_safe("a/b/l", "x/../../f")); /* x may be a link to somewhere less deep */
    assert_false(link_is_safe("a/b/l", "x/.."));
}

static const char *const tree = "mkdir -p tree/sub && echo 1 >tree/f && ln -s f tree/near && ln -s ../f "
                                "tree/sub/up && ln -s sub tree/dir && "
                                "touch -h -d @12345.5 tree/near";

static void links_are_left_out_and_told_but_no_failure(void **state)
{
    struct fixture *x = *state;
    struct told t;
    shell(x, tree);
    assert_int_equal(copy_as(&t, x, true, "tree", "", (struct files_config){0}), 0);
    assert_int_equal(t.links, 3);
    assert_int_equal(t.copy.reports, 0);
    assert_int_equal(t.copy.state.skipped, 0);
    shell(x, "cp -a tree share/t && mkdir out");
    assert_int_equal(copy_as(&t, x, false, "out", "t", (struct files_config){0}), 0);
    assert_int_equal(t.links, 3);
    assert_int_equal(t.copy.state.skipped, 0);
    shell(x, "test $(find share/tree out/t | wc -l) = 6");
}

static void links_are_copied_as_links_with_their_times(void **state)
{
    struct fixture *x = *state;
    struct told t;
    const struct files_config links = {.links = LINKS_COPY};
    shell(x, tree);
    shell(x, "mkdir out && ln -s elsewhere out/near");
    assert_int_equal(copy_as(&t, x, true, "tree", "", links), 0);
    assert_int_equal(copy_as(&t, x, false, "out", "tree", links), 0);
    assert_int_equal(copy_as(&t, x, false, "out", "tree", links), 0); /* over those that are there */
    assert_int_equal(t.links, 0);
    assert_int_equal(t.copy.reports, 0);
    assert_int_equal(copy_as(&t, x, false, "out", "tree/near", links), 0); /* by itself */
    assert_int_equal(copy_as(&t, x, true, "tree/near", "alone", links), 0);
    shell(x, "for i in tree share/tree out/tree; do (cd $i && find . -printf '%P %y %l %T@\\n' | sort) "
             ">l.${i%/*}; "
             "done; cmp l.tree l.share && cmp l.tree l.out && test $(readlink out/near) = f && "
             "test $(readlink share/alone) = f");
}

static void links_that_lead_out_are_neither_sent_nor_taken(void **state)
{
    struct fixture *x = *state;
    struct told t;
    static const char *const out[] = {"hx-type: link", "hx-mode: 777", "hx-target: ../../x", NULL};
    static const char *const absolute[] = {"hx-type: link", "hx-mode: 777", "hx-target: /etc/passwd", NULL};
    static const char *const inside[] = {"hx-type: link", "hx-mode: 777", "hx-target: ../x", NULL};
    const struct files_config links = {.links = LINKS_COPY};
    shell(x, "mkdir -p evil share/d out && ln -s /etc/passwd evil/abs && ln -s ../out evil/up && "
             "ln -s x/../../y evil/by && cp -a evil share");
    assert_int_equal(copy_as(&t, x, true, "evil", "sent", links), 0);
    assert_int_equal(t.links, 3);
    assert_int_equal(copy_as(&t, x, false, "out", "evil", links), 0);
    assert_int_equal(t.links, 3);
    shell(x, "test $(find share/sent out/evil | wc -l) = 2");
    struct answer *a = ask(x, "PUT", "/files/d/l", out);
    assert_string_equal(a->status, "403");
    answer_free(a);
    a = ask(x, "PUT", "/files/d/l", absolute);
    assert_string_equal(a->status, "403");
    answer_free(a);
    a = ask(x, "PUT", "/files/d/l", inside);
    assert_string_equal(a->status, "201");
    answer_free(a);
    fixture_share(x, ":ro");
    a = ask(x, "PUT", "/files/d/m", inside);
    assert_string_equal(a->status, "403");
    answer_free(a);
}

static bool knows_openat2(const struct fixture *x)
{
    struct open_how how = {.flags = O_PATH, .resolve = RESOLVE_BENEATH};
    int root = open(x->top, O_PATH | O_DIRECTORY);
    int fd = (int)syscall(SYS_openat2, root, ".", &how, sizeof how);
    close(root);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void links_are_followed_inside_the_share_only(void **state)
{
    struct fixture *x = *state;
    struct told t;
    const struct files_config links = {.links = LINKS_FOLLOW};
    shell(x, tree);
    shell(x, "echo secret >secret && cp -a tree share/t && ln -s ../../secret share/t/out && ln -s /etc "
             "share/t/etc && "
             "ln -s .. share/t/loop && ln -s none share/t/dangling && mkdir got");
    assert_int_equal(copy_as(&t, x, false, "got", "t", links), 0);
    if (!knows_openat2(x))
        skip(); /* none is followed */
    assert_int_equal(t.links, 0);
    assert_int_equal(t.copy.state.skipped, 4);
    assert_int_equal(t.copy.reports, 4);
    shell(x, "cmp tree/f got/t/near && cmp tree/f got/t/sub/up && cmp tree/f got/t/dir/up && "
             "test -z \"$(find got -type l)\" && test ! -e got/t/out && test ! -e got/t/etc && test ! -e "
             "got/t/loop/t");
    assert_int_equal(copy_as(&t, x, false, "one", "t/near", links), 0);
    assert_int_equal(copy_as(&t, x, false, "two", "t/out", links), 1);
    assert_int_equal(copy_as(&t, x, true, "tree", "up", links), 0); /* one's own lead anywhere */
    shell(x, "cmp tree/f one && cmp tree/f share/up/dir/up && test ! -e two");
}

/* Two links to where they are would be 2^64 directories. */
static void links_in_a_circle_have_an_end(void **state)
{
    struct fixture *x = *state;
    struct told t;
    const struct files_config links = {.links = LINKS_FOLLOW};
    shell(x, "mkdir -p t/d && ln -s . t/a && ln -s ../d t/d/b && ln -s .. t/d/c && echo 1 >t/f");
    assert_int_equal(copy_as(&t, x, true, "t", "", links), 0);
    assert_int_equal(t.copy.state.files_done, 1);
    assert_int_equal(t.copy.state.skipped, 3);
}

static void what_matches_is_left_out_with_all_that_is_in_it(void **state)
{
    struct fixture *x = *state;
    struct told t;
    static const char *const patterns[] = {"*.o", "/top/", "a/b"};
    const struct files_config some = {.choice = {patterns, 3}};
    (void)state;
    shell(x, "mkdir -p t/top/x t/a/b t/a/top share/d && touch t/f t/f.o t/top/x/f t/a/b/f t/a/top/f t/a/g.o "
             "t/a/g && "
             "cp -a t share/s");
    assert_int_equal(copy_as(&t, x, true, "t", "d", some), 0);
    assert_int_equal(copy_as(&t, x, false, "got", "s", some), 0);
    shell(x, "(cd share/d/t && find . -type f | sort) >up && (cd got && find . -type f | sort) >down && "
             "printf './a/g\\n./a/top/f\\n./f\\n' >want && cmp up want && cmp down want");
}

static void what_is_there_is_left_if_it_shall_be(void **state)
{
    struct fixture *x = *state;
    struct told t;
    const struct files_config never = {.no_clobber = true};
    const struct files_config newer = {.update = true};
    for (int upload = 0; upload < 2; upload++) {
        const char *to = upload ? "share/to" : "to";
        char command[512];
        snprintf(command, sizeof command,
                 "rm -rf from share/from share/to to && mkdir -p from %s && echo new >from/old && echo new "
                 ">from/young && "
                 "echo new >from/none && echo there >%s/old && echo there >%s/young && touch -d @1000 "
                 "from/old from/young "
                 "&& touch -d @2000 %s/young && touch -d @500 %s/old && cp -a from share",
                 to, to, to, to, to);
        shell(x, command);
        const char *local = upload ? "from/." : "to";
        const char *remote = upload ? "to" : "from/.";
        assert_int_equal(copy_as(&t, x, upload, local, remote, never), 0);
        assert_int_equal(t.copy.state.left, 2);
        assert_int_equal(t.copy.state.files_done, 1);
        snprintf(command, sizeof command, "test \"$(cat %s/none %s/old %s/young)\" = 'new\nthere\nthere'", to,
                 to, to);
        shell(x, command);
        assert_int_equal(copy_as(&t, x, upload, local, remote, newer), 0);
        assert_int_equal(t.copy.state.left, 2); /* none is as old as its source now */
        snprintf(command, sizeof command, "test \"$(cat %s/old %s/young)\" = 'new\nthere'", to, to);
        shell(x, command);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(links_are_counted_once_though_the_listing_breaks),
        cmocka_unit_test(what_leads_out_is_known_by_its_text),
        TEST(links_are_left_out_and_told_but_no_failure),
        TEST(links_are_copied_as_links_with_their_times),
        TEST(links_that_lead_out_are_neither_sent_nor_taken),
        TEST(links_are_followed_inside_the_share_only),
        TEST(links_in_a_circle_have_an_end),
        TEST(what_matches_is_left_out_with_all_that_is_in_it),
        TEST(what_is_there_is_left_if_it_shall_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
