/* test/unit/files_fixture.h: hx cp without a network, over share_fixture.h. */
#ifndef HX_TEST_FILES_FIXTURE_H
#define HX_TEST_FILES_FIXTURE_H

#include "client/files/files.h"
#include "share_fixture.h"

struct copy {
    struct fixture *x;
    struct files *files;
    bool done;
    int reports;
    char path[512], reason[FILES_REASON_MAX]; /* of the last report */
    struct files_state state;
};

static inline void on_report(void *user, const char *path, const char *reason)
{
    struct copy *c = user;
    c->reports++;
    snprintf(c->path, sizeof c->path, "%s", path);
    snprintf(c->reason, sizeof c->reason, "%s", reason);
}

static inline void on_done(void *user)
{
    ((struct copy *)user)->done = true;
}

/* `local` is below x->top. */
static inline int copy_begin(struct copy *c, struct fixture *x, bool upload, const char *local,
                             const char *remote)
{
    static char path[FIXTURE_PATH];
    below(x, path, local);
    memset(c, 0, sizeof *c);
    c->x = x;
    struct files_config config = {.loop = x->loop,
                                  .upload = upload,
                                  .local = path,
                                  .remote = remote,
                                  .report = on_report,
                                  .done = on_done,
                                  .user = c};
    int err = files_create(&c->files, &config);
    if (err == HX_OK)
        files_attach(c->files, x->client);
    return err;
}

static inline void copy_run(struct copy *c)
{
    fixture_run(c->x, &c->done);
    files_state(c->files, &c->state);
    if (!c->x->client)
        files_detach(c->files);
}

static inline void copy_end(struct copy *c)
{
    files_destroy(c->files);
}

/* All of it; returns how many entries failed. */
static inline size_t copy(struct fixture *x, bool upload, const char *local, const char *remote)
{
    struct copy c;
    assert_int_equal(copy_begin(&c, x, upload, local, remote), HX_OK);
    copy_run(&c);
    assert_true(c.done);
    copy_end(&c);
    return c.state.failed;
}

static inline size_t get(struct fixture *x, const char *remote, const char *local)
{
    return copy(x, false, local, remote);
}

static inline size_t put(struct fixture *x, const char *local, const char *remote)
{
    return copy(x, true, local, remote);
}

static inline void shell(const struct fixture *x, const char *command)
{
    char all[1024];
    assert_true(snprintf(all, sizeof all, "cd %s && %s", x->top, command) < (int)sizeof all);
    assert_int_equal(system(all), 0); /* NOLINT(cert-env33-c): a path that we made */
}

#endif
