/* Calls that block, each in a thread that ends with it: libuv's few threads are for files and names. */
#include "addon.h"
#include <stdlib.h>

#define JOBS_MAX 256 /* at once; further ones wait for their turn */

struct job {
    struct job *next;
    struct addon *addon;
    void (*run)(struct job *job);
    napi_ref back;
    int code;
    enum box_kind kind; /* of `it` */
    void *it;           /* what is to be closed, or has been made */
    struct owned_config config;
    char *name;
    int expect; /* of a group */
};

static void job_free(struct job *job)
{
    config_free(&job->config);
    free(job->name);
    free(job);
}

void addon_release(struct addon *a)
{
    pthread_mutex_lock(&a->mutex);
    bool last = --a->users == 0;
    pthread_mutex_unlock(&a->mutex);
    if (!last)
        return;
    pthread_mutex_destroy(&a->mutex);
    free(a);
}

/* Of all environments. Each that ends waits for the one that has ended before it, so that one at most is left
 * to wait for. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    int running;
    bool any_ended;
    pthread_t last_ended;
} threads = {.mutex = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

static void thread_ends(void)
{
    pthread_mutex_lock(&threads.mutex);
    bool any = threads.any_ended;
    pthread_t before = threads.last_ended;
    threads.any_ended = true;
    threads.last_ended = pthread_self();
    threads.running--;
    pthread_cond_signal(&threads.ended);
    pthread_mutex_unlock(&threads.mutex);
    if (any)
        pthread_join(before, NULL);
}

static void threads_count(int more)
{
    pthread_mutex_lock(&threads.mutex);
    threads.running += more;
    pthread_mutex_unlock(&threads.mutex);
}

void jobs_await_threads(void)
{
    pthread_mutex_lock(&threads.mutex);
    while (threads.running > 0)
        pthread_cond_wait(&threads.ended, &threads.mutex);
    bool any = threads.any_ended;
    threads.any_ended = false;
    pthread_mutex_unlock(&threads.mutex);
    if (any)
        pthread_join(threads.last_ended, NULL);
}

static void *run_jobs(void *arg);
static void run_close(struct job *job);

/* The mutex is held. */
static bool start_thread(struct addon *a)
{
    pthread_t thread;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 1 << 20);
    a->users++;
    a->running++;
    threads_count(1);
    bool started = pthread_create(&thread, &attr, run_jobs, a) == 0;
    if (!started) {
        threads_count(-1);
        a->users--;
        a->running--;
    }
    pthread_attr_destroy(&attr);
    return started;
}

/* Nobody waits for what it has made any more. */
static void job_undo(struct job *job)
{
    if (job->it && job->code == HX_OK)
        kind_close(job->kind, job->it);
    job_free(job);
}

/* The mutex is held. */
static void job_over(struct addon *a, struct job *job)
{
    job->next = NULL;
    *a->over_end = job;
    a->over_end = &job->next;
    uv_async_send(&a->async);
}

static void *run_jobs(void *arg)
{
    struct addon *a = arg;
    struct job *job;
    pthread_mutex_lock(&a->mutex);
    while ((job = a->waiting)) {
        a->waiting = job->next;
        if (!a->waiting)
            a->waiting_end = &a->waiting;
        bool wanted = !a->dead || job->run == run_close;
        pthread_mutex_unlock(&a->mutex);
        if (wanted)
            job->run(job);
        else
            job->code = HX_ECANCELED;
        pthread_mutex_lock(&a->mutex);
        if (!a->dead) {
            job_over(a, job);
            continue;
        }
        pthread_mutex_unlock(&a->mutex);
        job_undo(job);
        pthread_mutex_lock(&a->mutex);
    }
    a->running--;
    pthread_mutex_unlock(&a->mutex);
    addon_release(a);
    thread_ends();
    return NULL;
}

static void job_start(struct addon *a, struct job *job, napi_value back)
{
    job->addon = a;
    napi_create_reference(a->env, back, 1, &job->back);
    if (a->pending++ == 0)
        uv_ref((uv_handle_t *)&a->async);
    pthread_mutex_lock(&a->mutex);
    *a->waiting_end = job;
    a->waiting_end = &job->next;
    if (a->running < JOBS_MAX && !start_thread(a) && a->running == 0) {
        a->waiting = NULL;
        a->waiting_end = &a->waiting;
        job->code = HX_ESYS;
        job_over(a, job);
    }
    pthread_mutex_unlock(&a->mutex);
}

static void deliver(struct addon *a, struct job *job)
{
    napi_value args[2] = {value_int(a->env, job->code), NULL};
    if (job->code == HX_OK && job->it)
        args[1] = box_new(a->env, job->kind, job->it);
    else
        napi_get_undefined(a->env, &args[1]);
    napi_ref back = job->back;
    job_free(job);
    if (--a->pending == 0)
        uv_unref((uv_handle_t *)&a->async);
    addon_call(a, back, 2, args);
    napi_delete_reference(a->env, back);
}

static struct job *take_over(struct addon *a)
{
    pthread_mutex_lock(&a->mutex);
    struct job *job = a->over;
    a->over = NULL;
    a->over_end = &a->over;
    pthread_mutex_unlock(&a->mutex);
    return job;
}

void jobs_deliver(struct addon *a)
{
    struct job *next;
    for (struct job *job = take_over(a); job; job = next) {
        napi_handle_scope scope;
        next = job->next;
        napi_open_handle_scope(a->env, &scope);
        deliver(a, job);
        napi_close_handle_scope(a->env, scope);
    }
}

void jobs_forget(struct addon *a)
{
    struct job *next;
    for (struct job *job = take_over(a); job; job = next) {
        next = job->next;
        job_undo(job);
    }
}

static void run_bind(struct job *job)
{
    struct hx_listener *listener = NULL;
    job->code = hx_bind(&listener, &job->config.config, job->name);
    job->it = listener;
}

static void run_connect(struct job *job)
{
    struct hx_stream *stream = NULL;
    job->code = hx_connect(&stream, &job->config.config, job->name, job->config.config.timeout_ms);
    job->it = stream;
}

static void run_join(struct job *job)
{
    struct hx_group *group = NULL;
    job->code = hx_group_join(&group, &job->config.config, job->name, job->expect);
    job->it = group;
}

static void run_close(struct job *job)
{
    job->code = hx_close(job->it);
    job->it = NULL;
}

static void run_cleanup(struct job *job)
{
    hx_cleanup();
    job->code = HX_OK;
}

static struct job *job_new(void (*run)(struct job *job))
{
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        napi_fatal_error("hx", NAPI_AUTO_LENGTH, "out of memory", NAPI_AUTO_LENGTH);
    job->run = run;
    return job;
}

static napi_value start_named(napi_env env, napi_callback_info info, enum box_kind kind,
                              void (*run)(struct job *job))
{
    napi_value args[ARGS_MAX];
    struct addon *a = addon_args(env, info, args);
    struct job *job = job_new(run);
    job->kind = kind;
    config_read(a, args[0], value_to_int(env, args[1]), &job->config);
    job->name = config_text(env, args[2]);
    job->expect = value_to_int(env, args[4]);
    job_start(a, job, args[3]);
    return NULL;
}

napi_value job_bind(napi_env env, napi_callback_info info)
{
    return start_named(env, info, BOX_LISTENER, run_bind);
}

napi_value job_connect(napi_env env, napi_callback_info info)
{
    return start_named(env, info, BOX_STREAM, run_connect);
}

napi_value job_join(napi_env env, napi_callback_info info)
{
    return start_named(env, info, BOX_GROUP, run_join);
}

napi_value job_close(napi_env env, napi_callback_info info)
{
    napi_value args[ARGS_MAX];
    struct addon *a = addon_args(env, info, args);
    struct box *box = box_open(env, args[0], BOX_STREAM);
    if (!box)
        return NULL;
    struct job *job = job_new(run_close);
    job->it = box->it;
    box->it = NULL;
    job_start(a, job, args[1]);
    return NULL;
}

napi_value job_cleanup(napi_env env, napi_callback_info info)
{
    napi_value args[ARGS_MAX];
    struct addon *a = addon_args(env, info, args);
    job_start(a, job_new(run_cleanup), args[0]);
    return NULL;
}
