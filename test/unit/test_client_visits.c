/* client/visits, visit_store: the tickets of nameservers, as text, in memory and in a file. */
#include "client/visit_store.h"
#include <arpa/inet.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

static char directory[PATH_MAX], file[PATH_MAX]; /* the file's directory is not there yet */

static struct visit visit_to(int host, const char *ticket)
{
    struct visit v = {.at = {.family = AF_INET, .port = 7000, .address = {192, 0, 2, (uint8_t)host}},
                      .ticket_len = strlen(ticket)};

    memcpy(v.ticket, ticket, v.ticket_len);
    return v;
}

static void put(struct visits *v, int host, const char *ticket)
{
    struct visit it = visit_to(host, ticket);

    visits_put(v, &it);
}

static bool knows(struct visits *v, int host, const char *ticket)
{
    struct visit wanted = visit_to(host, ticket ? ticket : "");
    const struct visit *it = visits_find(v, &wanted.at);

    if (!it || !ticket)
        return !it == !ticket;
    return it->ticket_len == wanted.ticket_len && memcmp(it->ticket, wanted.ticket, it->ticket_len) == 0;
}

static void there_is_one_ticket_for_each_address(void **state)
{
    struct visits v = {.count = 0};

    (void)state;
    put(&v, 1, "one");
    put(&v, 2, "two");
    put(&v, 1, "another");
    assert_int_equal(v.count, 2);
    assert_true(knows(&v, 1, "another"));
    assert_true(knows(&v, 2, "two"));
}

static void the_oldest_is_forgotten(void **state)
{
    struct visits v = {.count = 0};

    (void)state;
    for (int i = 0; i < VISITS_MAX; i++)
        put(&v, i, "old");
    put(&v, 0, "new"); /* now the latest */
    put(&v, VISITS_MAX, "new");
    assert_int_equal(v.count, VISITS_MAX);
    assert_true(knows(&v, 0, "new"));
    assert_true(knows(&v, 1, NULL));
    assert_true(knows(&v, 2, "old"));
}

static void text_is_read_as_it_was_written_and_a_cut_line_is_none(void **state)
{
    struct visits v = {.count = 0};
    char text[VISITS_TEXT_MAX];

    (void)state;
    put(&v, 1, "one");
    put(&v, 2, "a ticket of thirty-two bytes, ok");
    assert_int_equal(v.list[1].ticket_len, UDT_TICKET_MAX);
    put(&v, 3, "");
    size_t len = visits_write(&v, text), first = (size_t)((char *)memchr(text, '\n', len) - text) + 1;
    assert_string_equal((text[first - 1] = '\0', text), "192.0.2.1:7000 6f6e65");
    text[first - 1] = '\n';
    for (size_t cut = 0; cut <= len; cut++) {
        struct visits got = {.count = 0};
        char *piece = malloc(cut + 1);
        assert_non_null(piece);
        memcpy(piece, text, cut);
        visits_read(&got, piece, cut);
        assert_int_equal(got.count, (cut >= first) + (cut == len));
        free(piece);
    }
}

static void lines_that_are_none_are_passed_over(void **state)
{
    static const char text[] =
        "\n \nx\n192.0.2.1:7000\n192.0.2.1:7000 \n192.0.2.1:7000 abc\n192.0.2.1:7000 ag\n"
        "192.0.2.1:7000 AG\n192.0.2.1:7000 0x\n"
        "192.0.2.1:0 ab\n192.0.2.1:7000  ab\n192.0.2.1:7000 ab \n192.0.2.2:7000 74776f\n"
        "192.0.2.1:7000 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\n";
    struct visits v = {.count = 0};

    (void)state;
    visits_read(&v, text, sizeof text - 1);
    assert_int_equal(v.count, 1);
    assert_true(knows(&v, 2, "two"));
}

static void hex_digits_are_of_either_case(void **state)
{
    static const char text[] = "192.0.2.1:7000 6F6e\n";
    struct visits v = {.count = 0};

    (void)state;
    visits_read(&v, text, sizeof text - 1);
    assert_true(knows(&v, 1, "on"));
}

static void every_line_that_there_can_be_fits(void **state)
{
    struct visits v = {.count = 0};
    char text[VISITS_TEXT_MAX];

    (void)state;
    for (int i = 0; i < VISITS_MAX; i++) {
        struct visit it = {.at = {.family = AF_INET6, .port = 65535}, .ticket_len = UDT_TICKET_MAX};
        memset(it.at.address, 0xfe, sizeof it.at.address);
        it.at.address[15] = (uint8_t)i;
        visits_put(&v, &it);
    }
    assert_in_range(visits_write(&v, text), 1, sizeof text);
}

static void keep(int host, const char *ticket)
{
    struct visit v = visit_to(host, ticket);
    struct sockaddr_in6 to;

    endpoint_to_sockaddr6(&v.at, &to);
    visit_store_keep((struct sockaddr *)&to, sizeof to, v.ticket, v.ticket_len);
}

static bool takes(int host, const char *ticket)
{
    struct visit v = visit_to(host, ticket);
    uint8_t got[UDT_TICKET_MAX];
    struct sockaddr_in6 to;

    endpoint_to_sockaddr6(&v.at, &to);
    size_t len = visit_store_take((struct sockaddr *)&to, sizeof to, got);
    return len == v.ticket_len && memcmp(got, v.ticket, len) == 0;
}

static void write_text(const char *text)
{
    FILE *f = fopen(file, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void a_ticket_is_kept_in_a_file_of_its_owner_alone(void **state)
{
    char text[256] = "";
    struct stat st;

    (void)state;
    keep(1, "one");
    assert_int_equal(stat(directory, &st), -1); /* nothing of it is done by whoever has got it */
    visit_store_flush();
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(directory, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    (void)fread(text, 1, sizeof text - 1, f);
    fclose(f);
    assert_string_equal(text, "192.0.2.1:7000 6f6e65\n");
}

static void a_ticket_is_taken_once_from_memory_and_from_the_file(void **state)
{
    (void)state;
    keep(1, "one");
    assert_true(takes(1, "one"));
    assert_true(takes(1, ""));
    write_text("192.0.2.2:7000 74776f\n"); /* of another process */
    assert_true(takes(2, ""));             /* the file is not looked at now */
    visit_store_use(directory);
    assert_true(takes(2, "two"));
    assert_true(takes(2, ""));
    visit_store_use(directory);
    assert_true(takes(2, "")); /* it is still there */
    keep(2, "next");
    visit_store_use(directory);
    assert_true(takes(2, "next"));
}

static void one_that_was_used_before_it_was_written_is_not_written(void **state)
{
    struct stat before, after;

    (void)state;
    keep(7, "seven");
    assert_true(takes(7, "seven"));
    visit_store_flush();
    struct visits got = {.count = 0};
    char text[VISITS_TEXT_MAX];
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    visits_read(&got, text, fread(text, 1, sizeof text, f));
    fclose(f);
    assert_true(knows(&got, 7, NULL));
    assert_int_equal(stat(file, &before), 0);
    visit_store_flush(); /* there is nothing new */
    assert_int_equal(stat(file, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

static void what_others_have_written_stays_there(void **state)
{
    (void)state;
    write_text("192.0.2.3:7000 7468726565\n");
    keep(1, "one");
    visit_store_flush();
    visit_store_use(directory);
    assert_true(takes(3, "three"));
}

static void a_damaged_file_is_none_and_is_written_anew(void **state)
{
    char text[64] = "";

    (void)state;
    write_text("\001\002 what is this\n192.0.2.4:7000 ");
    visit_store_use(directory);
    assert_true(takes(4, ""));
    keep(5, "five");
    visit_store_flush();
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_string_equal(text, "192.0.2.5:7000 66697665\n");
}

static void what_cannot_be_written_is_remembered_all_the_same(void **state)
{
    (void)state;
    (void)unlink(file);
    assert_int_equal(mkdir(file, 0700), 0); /* not a file, whoever we are */
    keep(6, "six");
    visit_store_flush();
    assert_true(takes(6, "six"));
    assert_int_equal(rmdir(file), 0);
}

static int begin(void **state)
{
    static char base[] = "/tmp/hx-visits.XXXXXX";

    if (!mkdtemp(base))
        return -1;
    snprintf(directory, sizeof directory, "%s/state/hx", base);
    snprintf(file, sizeof file, "%.200s/visits", directory);
    visit_store_use(directory);
    visit_store_use("/nowhere"); /* the first one holds */
    *state = base;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static int end(void **state)
{
    return nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_one_ticket_for_each_address),
        cmocka_unit_test(the_oldest_is_forgotten),
        cmocka_unit_test(text_is_read_as_it_was_written_and_a_cut_line_is_none),
        cmocka_unit_test(lines_that_are_none_are_passed_over),
        cmocka_unit_test(hex_digits_are_of_either_case),
        cmocka_unit_test(every_line_that_there_can_be_fits),
        cmocka_unit_test(a_ticket_is_kept_in_a_file_of_its_owner_alone),
        cmocka_unit_test(a_ticket_is_taken_once_from_memory_and_from_the_file),
        cmocka_unit_test(one_that_was_used_before_it_was_written_is_not_written),
        cmocka_unit_test(what_others_have_written_stays_there),
        cmocka_unit_test(a_damaged_file_is_none_and_is_written_anew),
        cmocka_unit_test(what_cannot_be_written_is_remembered_all_the_same),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
