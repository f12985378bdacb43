#include "secure/tls_trust.h"
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One of the two places, as it was looked at. */
struct place {
    char path[PATH_MAX];
    struct timespec changed; /* zeroed: there is nothing */
    off_t size;
    ino_t inode;
};

static struct {
    pthread_mutex_t lock;
    X509_STORE *store; /* NULL: not read yet */
    struct place file, dir;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void look_at(struct place *p, const char *variable, const char *otherwise)
{
    struct stat st;
    const char *path = secure_getenv(variable);
    *p = (struct place){.size = 0};
    snprintf(p->path, sizeof p->path, "%s", path ? path : otherwise);
    if (stat(p->path, &st) == 0) {
        p->changed = st.st_mtim;
        p->size = st.st_size;
        p->inode = st.st_ino;
    }
}

static bool same(const struct place *a, const struct place *b)
{
    return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
           a->size == b->size && a->inode == b->inode && strcmp(a->path, b->path) == 0;
}

/* Whom it cannot read is not trusted. */
static void read_anew(void)
{
    X509_STORE_free(kept.store);
    kept.store = X509_STORE_new();
    if (kept.store)
        (void)X509_STORE_set_default_paths(kept.store);
}

X509_STORE *tls_trust_store(void)
{
    struct place file, dir;
    look_at(&file, X509_get_default_cert_file_env(), X509_get_default_cert_file());
    look_at(&dir, X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
    pthread_mutex_lock(&kept.lock);
    if (!kept.store || !same(&file, &kept.file) || !same(&dir, &kept.dir)) {
        kept.file = file;
        kept.dir = dir;
        read_anew();
    }
    X509_STORE *store = kept.store;
    if (store)
        X509_STORE_up_ref(store);
    pthread_mutex_unlock(&kept.lock);
    return store;
}
