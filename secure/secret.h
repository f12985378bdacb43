/* secure/secret.h: memory for keys: pages of its own, locked and left out of core dumps where the kernel lets
 * us, wiped when they are given back. */
#ifndef HX_SECURE_SECRET_H
#define HX_SECURE_SECRET_H

#include <stddef.h>

/* Zeroed; NULL: no memory. `size` must not be 0. */
void *secret_alloc(size_t size);
/* `size` as it was asked for. NULL is fine. */
void secret_free(void *p, size_t size);

#endif
