#include "client/files/block_queue.h"
#include "base/thread.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define BLOCKS      16
#define STACK_BYTES (256 * 1024)
#define THREADS_MAX 8 /* of the process: a peer that copies many files at once gets no more of them */

struct block {
    size_t len;
    uint8_t data[BLOCK_BYTES];
};

struct block_queue {
    pthread_mutex_t mutex;
    pthread_cond_t given, done;
    block_work work;
    void *user;
    unsigned next, count; /* blocks that wait or are worked on: from `next` on, around */
    unsigned wanted;      /* the owner waits until no more than so many are left; BLOCKS: it does not wait */
    bool idle;            /* the thread waits */
    bool ended;
    int error, system;
    struct block *blocks[BLOCKS]; /* each made when it is needed first; owned by who fills or works on it */
};

static atomic_int threads;

static void queue_free(struct block_queue *q)
{
    for (int i = 0; i < BLOCKS; i++)
        free(q->blocks[i]);
    pthread_cond_destroy(&q->given);
    pthread_cond_destroy(&q->done);
    pthread_mutex_destroy(&q->mutex);
    free(q);
}

/* One block; the mutex is held, but not while it is worked on. */
static void work_on_next(struct block_queue *q)
{
    const struct block *b = q->blocks[q->next];
    int err = q->error;
    pthread_mutex_unlock(&q->mutex);
    if (err == HX_OK)
        err = q->work(q->user, b->data, b->len);
    int system = errno;
    pthread_mutex_lock(&q->mutex);
    if (q->error == HX_OK && err < 0) {
        q->error = err;
        q->system = system;
    }
    q->next = (q->next + 1) % BLOCKS;
    q->count--;
    if (q->count <= q->wanted && q->wanted < BLOCKS)
        pthread_cond_signal(&q->done);
}

static void *run(void *queue)
{
    struct block_queue *q = queue;
    pthread_mutex_lock(&q->mutex);
    while (q->count > 0 || !q->ended) {
        if (q->count > 0) {
            work_on_next(q);
            continue;
        }
        q->idle = true;
        pthread_cond_wait(&q->given, &q->mutex);
        q->idle = false;
    }
    pthread_mutex_unlock(&q->mutex);
    queue_free(q);
    atomic_fetch_sub(&threads, 1);
    return NULL;
}

struct block_queue *block_queue_create(block_work work, void *user)
{
    struct block_queue *q = NULL;
    if (atomic_fetch_add(&threads, 1) < THREADS_MAX)
        q = calloc(1, sizeof *q);
    if (q) {
        q->work = work;
        q->user = user;
        q->wanted = BLOCKS;
        pthread_mutex_init(&q->mutex, NULL);
        pthread_cond_init(&q->given, NULL);
        pthread_cond_init(&q->done, NULL);
        q->blocks[0] = malloc(sizeof **q->blocks);
        if (q->blocks[0] && thread_detached(STACK_BYTES, run, q) == HX_OK)
            return q;
        queue_free(q);
    }
    atomic_fetch_sub(&threads, 1);
    return NULL;
}

/* Until no more than `most` blocks wait; the mutex is held. */
static void wait_for(struct block_queue *q, unsigned most)
{
    q->wanted = most;
    while (q->count > most)
        pthread_cond_wait(&q->done, &q->mutex);
    q->wanted = BLOCKS;
}

/* Who had to wait is woken for several blocks. Without memory for another block, the queue is shorter. */
uint8_t *block_queue_room(struct block_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    if (q->count == BLOCKS)
        wait_for(q, BLOCKS / 2);
    unsigned at = (q->next + q->count) % BLOCKS;
    if (!q->blocks[at])
        q->blocks[at] = malloc(sizeof **q->blocks);
    if (!q->blocks[at]) {
        wait_for(q, 0);
        unsigned made = 0;
        while (!q->blocks[made])
            made++;
        q->next = at = made;
    }
    uint8_t *data = q->blocks[at]->data;
    pthread_mutex_unlock(&q->mutex);
    return data;
}

int block_queue_give(struct block_queue *q, size_t len)
{
    pthread_mutex_lock(&q->mutex);
    q->blocks[(q->next + q->count) % BLOCKS]->len = len;
    q->count++;
    if (q->idle)
        pthread_cond_signal(&q->given);
    int err = q->error;
    errno = err < 0 ? q->system : errno;
    pthread_mutex_unlock(&q->mutex);
    return err;
}

int block_queue_wait(struct block_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    wait_for(q, 0);
    int err = q->error;
    errno = err < 0 ? q->system : errno;
    pthread_mutex_unlock(&q->mutex);
    return err;
}

void block_queue_destroy(struct block_queue *q)
{
    if (!q)
        return;
    int system = errno;
    (void)block_queue_wait(q);
    pthread_mutex_lock(&q->mutex);
    q->ended = true;
    pthread_cond_signal(&q->given);
    pthread_mutex_unlock(&q->mutex); /* the thread frees it, once it has the mutex */
    errno = system;
}
