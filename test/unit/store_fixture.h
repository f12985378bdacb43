/* test/unit/store_fixture.h: a store as a process of its own, in a folder of its own, and what it tells. */
#ifndef HX_TEST_UNIT_STORE_FIXTURE_H
#define HX_TEST_UNIT_STORE_FIXTURE_H

#include "base/clock.h"
#include "base/error.h"
#include "server/log.h"
#include "server/loop.h"
#include "server/store_state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 30000

static char folder[] = "/tmp/hx-store.XXXXXX";
static struct store *store;
static struct store_config config;
static char auth_path[64], config_path[64], db_path[64];

static struct {
    char text[2][4096]; /* of enum store_text */
    size_t len[2];
    int ends, which;
    char error[512];
    int owned, claimed, forgotten;
    char name[256];
    uint8_t key[STORE_KEY_BYTES];
    int result;
    char log[16384];
    size_t log_len;
} seen;

static void take_piece(void *user, enum store_text which, const void *data, size_t len)
{
    size_t at = which == STORE_TEXT_AUTH;

    (void)user;
    assert_true(seen.len[at] + len < sizeof seen.text[at]);
    memcpy(seen.text[at] + seen.len[at], data, len);
    seen.len[at] += len;
}

static void take_read_end(void *user, int which, const char *error)
{
    (void)user;
    seen.ends++;
    seen.which = which;
    snprintf(seen.error, sizeof seen.error, "%s", error);
}

static void take_owned(void *user, const char *name, const uint8_t key[STORE_KEY_BYTES])
{
    (void)user;
    seen.owned++;
    snprintf(seen.name, sizeof seen.name, "%s", name);
    memcpy(seen.key, key, sizeof seen.key);
}

static void take_claimed(void *user, const char *name, int result)
{
    (void)user;
    (void)name;
    seen.claimed++;
    seen.result = result;
}

static void take_forgotten(void *user, const char *name)
{
    (void)user;
    seen.forgotten++;
    snprintf(seen.name, sizeof seen.name, "%s", name);
}

static const struct store_text_events texts = {.piece = take_piece, .read_end = take_read_end};
static const struct store_owner_events owners = {
    .owned = take_owned, .claimed = take_claimed, .forgotten = take_forgotten};

static void take_line(void *user, const char *line, size_t len)
{
    (void)user;
    if (seen.log_len + len < sizeof seen.log) {
        memcpy(seen.log + seen.log_len, line, len);
        seen.log_len += len;
    }
}

static int begin(void **state)
{
    (void)state;
    strcpy(folder + sizeof folder - sizeof "XXXXXX", "XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(auth_path, sizeof auth_path, "%s/auth", folder);
    snprintf(config_path, sizeof config_path, "%s/conf", folder);
    snprintf(db_path, sizeof db_path, "%s/owners.db", folder);
    memset(&seen, 0, sizeof seen);
    log_set_sink(take_line, NULL);
    config = (struct store_config){.config_path = config_path, .auth_path = auth_path, .auth_db = db_path};
    return 0;
}

static int end(void **state)
{
    char command[64];

    (void)state;
    store_end(store);
    store = NULL;
    log_set_sink(NULL, NULL);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static inline void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void start(void)
{
    assert_int_equal(store_start(&store, &config), HX_OK);
    store_tell_texts(store, &texts);
    store_tell_owners(store, &owners);
    assert_int_equal(store_load(store), HX_OK);
}

static struct waiting {
    const int *number;
    int value;
    int64_t end_ms;
} waiting;

static int turn(void *user, int64_t now_ms)
{
    const struct waiting *w = user;

    store_turn(store, now_ms);
    return *w->number == w->value || now_ms >= w->end_ms ? LOOP_END : 20;
}

/* Runs the loop until the number has that value. */
static inline void await_for(const int *number, int value, int64_t ms)
{
    struct loop *loop;

    waiting = (struct waiting){number, value, clock_now_ms() + ms};
    assert_int_equal(loop_create(&loop), HX_OK);
    assert_int_equal(store_begin(store, loop), HX_OK);
    loop_run(loop, turn, &waiting);
    store_leave(store);
    store_tell_texts(store, &texts);
    store_tell_owners(store, &owners);
    loop_destroy(loop);
}

static void await_number(const int *number, int value)
{
    await_for(number, value, PATIENCE_MS);
    assert_int_equal(*number, value);
}

static inline void claim(const char *name, uint8_t key_byte, int result)
{
    uint8_t key[STORE_KEY_BYTES];

    memset(key, key_byte, sizeof key);
    assert_int_equal(store_claim(store, name, key), HX_OK);
    await_number(&seen.claimed, seen.claimed + 1);
    assert_int_equal(seen.result, result);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
