#include "secure/secret.h"
#include <openssl/crypto.h>
#include <sys/mman.h>

void *secret_alloc(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    (void)mlock(p, size); /* RLIMIT_MEMLOCK may be 0: better unlocked than not at all */
    (void)madvise(p, size, MADV_DONTDUMP);
    return p;
}

void secret_free(void *p, size_t size)
{
    if (!p)
        return;
    OPENSSL_cleanse(p, size);
    munmap(p, size);
}
