/* client/files/block_queue.h: blocks of a file for a thread of its own, which hashes or writes them while
 * the loop goes on. They are worked on in order, and few wait at a time. What the work touches is the
 * thread's from the first block_queue_give() until block_queue_wait() has returned. */
#ifndef HX_CLIENT_FILES_BLOCK_QUEUE_H
#define HX_CLIENT_FILES_BLOCK_QUEUE_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

#define BLOCK_BYTES (64 * 1024)
/* Bytes of a file that are worth a thread. */
#define BLOCK_QUEUE_WORTH (INT64_C(1024) * 1024)

struct block_queue;

/* Works on one block. HX_OK, or an error, with errno for HX_ESYS: after it no block is worked on. */
typedef int (*block_work)(void *user, const uint8_t *data, size_t len);

/* NULL: there is no memory or no thread for it, or enough files have theirs: the caller does the work
 * itself. */
struct block_queue *block_queue_create(block_work work, void *user);
/* BLOCK_BYTES to be filled for the next block_queue_give(). Waits until there are some. */
uint8_t *block_queue_room(struct block_queue *q);
/* The first `len` bytes of them are a block. HX_OK, or how the work has failed so far. */
int block_queue_give(struct block_queue *q, size_t len);
/* Until all is done. HX_OK, or how the work has failed. */
int block_queue_wait(struct block_queue *q);
/* Waits, too. NULL is fine. */
void block_queue_destroy(struct block_queue *q);

#endif
