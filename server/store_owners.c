#include "server/store_owners.h"
#include "base/error.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APPLICATION_ID 0x68786e73 /* "hxns" */
#define VERSION        1
#define TEXT_OF(x)     #x
#define TEXT(x)        TEXT_OF(x)

enum statement { CLAIM, OWNER, FORGET, NOTE, GONE, EACH, EACH_TIMED, STATEMENTS };

static const char *const texts[] = {
    [CLAIM] = "INSERT INTO owners VALUES(?1, ?2, unixepoch()) ON CONFLICT DO NOTHING",
    [OWNER] = "SELECT key FROM owners WHERE name = ?1",
    [FORGET] = "DELETE FROM owners WHERE name = ?1",
    [NOTE] = "INSERT INTO forgotten(name) VALUES(?1)",
    [GONE] = "SELECT seq, name FROM forgotten WHERE seq > ?1 ORDER BY seq",
    [EACH] = "SELECT name, key, NULL FROM owners",
    [EACH_TIMED] = "SELECT name, key, strftime('%Y-%m-%dT%H:%M:%SZ', claimed, 'unixepoch') FROM owners"};

/* What is forgotten by another process is told to the one that serves by `forgotten`; only its last rows are
 * of use. */
static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE owners(name TEXT PRIMARY KEY, key BLOB NOT NULL CHECK(length(key) = 32),"
    " claimed INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE forgotten(seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL) STRICT;"
    "CREATE TRIGGER forgotten_bound AFTER INSERT ON forgotten BEGIN"
    " DELETE FROM forgotten WHERE seq <= new.seq - 10000; END;"
    "PRAGMA application_id = " TEXT(APPLICATION_ID) ";"
                                                    "PRAGMA user_version = " TEXT(VERSION) ";"
                                                                                           "COMMIT;";

struct store_owners {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    int64_t gone_seq; /* of the last row of `forgotten` that was seen */
    char error[STORE_OWNERS_ERROR_MAX];
};

const char *store_owners_error(const struct store_owners *o)
{
    return o->error;
}

static int fail(struct store_owners *o)
{
    snprintf(o->error, sizeof o->error, "%s", sqlite3_errmsg(o->db));
    return HX_ESYS;
}

static int number(struct store_owners *o, const char *sql, int64_t *out)
{
    sqlite3_stmt *s;
    int err = sqlite3_prepare_v2(o->db, sql, -1, &s, NULL) == SQLITE_OK ? HX_OK : fail(o);

    if (err == HX_OK && sqlite3_step(s) != SQLITE_ROW)
        err = fail(o);
    if (err == HX_OK)
        *out = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return err;
}

static int run(struct store_owners *o, const char *sql)
{
    return sqlite3_exec(o->db, sql, NULL, NULL, NULL) == SQLITE_OK ? HX_OK : fail(o);
}

/* A claim is on the disk before its device hears of it: FULL, as with WAL and NORMAL a power failure would
 * take the last ones back, and then the name would be the next one's who asks. Claims that come together
 * share one fsync(2). */
static int set_up(struct store_owners *o)
{
    sqlite3_busy_timeout(o->db, STORE_OWNERS_BUSY_MS);
    sqlite3_db_config(o->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(o->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return run(o, "PRAGMA cell_size_check = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
}

static int check(struct store_owners *o, bool create)
{
    int64_t id = 0, version = 0, tables = 0;
    int err = number(o, "PRAGMA application_id", &id);

    if (err == HX_OK)
        err = number(o, "PRAGMA user_version", &version);
    if (err == HX_OK)
        err = number(o, "SELECT count(*) FROM sqlite_schema", &tables);
    if (err < 0)
        return err;
    if (id == 0 && version == 0 && tables == 0 && create)
        return (err = set_up(o)) < 0 ? err : run(o, schema);
    if (id != APPLICATION_ID)
        snprintf(o->error, sizeof o->error, "it is the database of another program");
    else if (version != VERSION)
        snprintf(o->error, sizeof o->error, "it is of version %lld, this program knows %d",
                 (long long)version, VERSION);
    else
        return set_up(o);
    return HX_ESYS;
}

static int prepare(struct store_owners *o)
{
    for (int i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(o->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &o->statements[i], NULL) !=
            SQLITE_OK)
            return fail(o);
    return number(o, "SELECT coalesce(max(seq), 0) FROM forgotten", &o->gone_seq);
}

int store_owners_open(struct store_owners **out, const char *path, bool create,
                      char error[STORE_OWNERS_ERROR_MAX])
{
    struct store_owners *o = calloc(1, sizeof *o);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);

    if (!o) {
        snprintf(error, STORE_OWNERS_ERROR_MAX, "%.200s: out of memory", path);
        return HX_ENOMEM;
    }
    int err = sqlite3_open_v2(path, &o->db, flags, NULL) == SQLITE_OK ? HX_OK : fail(o);
    if (err == HX_OK)
        err = check(o, create);
    if (err == HX_OK)
        err = prepare(o);
    if (err < 0) {
        snprintf(error, STORE_OWNERS_ERROR_MAX,
                 "%.200s: cannot be used: %.200s; name another file with --auth-db, or bring back a copy",
                 path, o->error);
        store_owners_close(o);
    } else {
        *out = o;
    }
    return err;
}

void store_owners_close(struct store_owners *o)
{
    if (!o)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(o->statements[i]);
    sqlite3_close(o->db);
    free(o);
}

bool store_owners_moved(struct store_owners *o)
{
    int moved = 0;

    return sqlite3_file_control(o->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

static sqlite3_stmt *with_name(struct store_owners *o, enum statement which, struct store_bytes name)
{
    sqlite3_stmt *s = o->statements[which];

    sqlite3_bind_text(s, 1, name.data, (int)name.len, SQLITE_STATIC);
    return s;
}

/* One that returns no row. */
static int step(struct store_owners *o, sqlite3_stmt *s)
{
    int err = sqlite3_step(s) == SQLITE_DONE ? HX_OK : fail(o);

    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return err;
}

int store_owners_begin(struct store_owners *o)
{
    return run(o, "BEGIN IMMEDIATE");
}

int store_owners_commit(struct store_owners *o)
{
    if (sqlite3_get_autocommit(o->db)) /* an error has ended the transaction: store_owners_error() has it */
        return HX_ESYS;
    int err = run(o, "COMMIT");
    if (err < 0 && !sqlite3_get_autocommit(o->db))
        sqlite3_exec(o->db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

int store_owners_claim(struct store_owners *o, struct store_bytes name, const uint8_t key[STORE_KEY_BYTES],
                       uint8_t owner[STORE_KEY_BYTES])
{
    sqlite3_stmt *s = with_name(o, CLAIM, name);

    sqlite3_bind_blob(s, 2, key, STORE_KEY_BYTES, SQLITE_STATIC);
    int err = step(o, s);
    if (err < 0 || sqlite3_changes(o->db) > 0)
        return err;
    s = with_name(o, OWNER, name);
    if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_bytes(s, 0) == STORE_KEY_BYTES)
        memcpy(owner, sqlite3_column_blob(s, 0), STORE_KEY_BYTES);
    else
        err = fail(o);
    sqlite3_reset(s);
    if (err == HX_OK && memcmp(owner, key, STORE_KEY_BYTES) != 0)
        err = HX_ECONFLICT;
    return err;
}

int store_owners_forget(struct store_owners *o, struct store_bytes name, bool tell)
{
    int err = step(o, with_name(o, FORGET, name));

    if (err < 0)
        return err;
    if (sqlite3_changes(o->db) == 0)
        return HX_ENOTFOUND;
    return tell ? step(o, with_name(o, NOTE, name)) : HX_OK;
}

int store_owners_each(struct store_owners *o, bool timed, store_owners_row *row, void *user)
{
    sqlite3_stmt *s = o->statements[timed ? EACH_TIMED : EACH];
    int err = HX_OK, result = SQLITE_DONE;

    while (err == HX_OK && (result = sqlite3_step(s)) == SQLITE_ROW) {
        const struct store_bytes name = {sqlite3_column_text(s, 0), (size_t)sqlite3_column_bytes(s, 0)};

        err = sqlite3_column_bytes(s, 1) != STORE_KEY_BYTES
                  ? HX_OK
                  : row(user, name, sqlite3_column_blob(s, 1), (const char *)sqlite3_column_text(s, 2));
    }
    if (err == HX_OK && result != SQLITE_DONE)
        err = fail(o);
    sqlite3_reset(s);
    return err;
}

int store_owners_look(struct store_owners *o, store_owners_gone *gone, void *user)
{
    sqlite3_stmt *s = o->statements[GONE];
    int err = HX_OK, result = SQLITE_DONE;

    sqlite3_bind_int64(s, 1, o->gone_seq);
    while (err == HX_OK && (result = sqlite3_step(s)) == SQLITE_ROW) {
        o->gone_seq = sqlite3_column_int64(s, 0);
        err = gone(user, (struct store_bytes){sqlite3_column_text(s, 1), (size_t)sqlite3_column_bytes(s, 1)});
    }
    if (err == HX_OK && result != SQLITE_DONE)
        err = fail(o);
    sqlite3_reset(s);
    return err;
}
