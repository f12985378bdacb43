/* server/privileges.h: from root to somebody who may do nothing (--user). */
#ifndef HX_SERVER_PRIVILEGES_H
#define HX_SERVER_PRIVILEGES_H

#include <sys/types.h>

struct privileges_user {
    uid_t uid;
    gid_t gid;
};

/* HX_OK; HX_ENOTFOUND: no such user; HX_EINVAL: it is root, or in root's group; HX_ESYS with errno. */
int privileges_find(struct privileges_user *out, const char *name);
/* From now on neither this thread nor those it makes can gain privileges by exec. HX_OK, or HX_ESYS. */
int privileges_renounce(void);
/* Makes every thread of the process that user, without supplementary groups or capabilities, and checks that
 * there is no way back. HX_OK; HX_ESYS with errno: the process must end, it may have changed in part. */
int privileges_drop(const struct privileges_user *user);

#endif
