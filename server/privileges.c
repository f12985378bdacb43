#include "server/privileges.h"
#include "base/error.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int privileges_find(struct privileges_user *out, const char *name)
{
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (!user) /* getpwnam(3) lists what implementations say besides 0 when there is no such user */
        return errno == 0 || errno == ENOENT || errno == ESRCH ? HX_ENOTFOUND : HX_ESYS;
    if (user->pw_uid == 0 || user->pw_gid == 0)
        return HX_EINVAL;
    *out = (struct privileges_user){user->pw_uid, user->pw_gid};
    return HX_OK;
}

int privileges_renounce(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? HX_ESYS : HX_OK;
}

/* setuid(2) clears them unless a securebit says that it shall not. */
static bool has_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    uint32_t any = 0;

    if (syscall(SYS_capget, &head, data) < 0)
        return true;
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        any |= data[i].effective | data[i].permitted;
    return any != 0;
}

static bool is_user(const struct privileges_user *user)
{
    uid_t real, effective, saved;
    gid_t g_real, g_effective, g_saved;

    return getresuid(&real, &effective, &saved) == 0 && getresgid(&g_real, &g_effective, &g_saved) == 0 &&
           real == user->uid && effective == user->uid && saved == user->uid && g_real == user->gid &&
           g_effective == user->gid && g_saved == user->gid;
}

int privileges_drop(const struct privileges_user *user)
{
    /* Where nothing is to be dropped, setgroups(2) is not allowed, either. */
    if (!is_user(user) || has_capabilities()) {
        /* glibc has all threads do each of them (nptl(7)): UDT's, too. */
        if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
            setresuid(user->uid, user->uid, user->uid) < 0)
            return HX_ESYS;
    }
    if (!is_user(user) || has_capabilities() || setuid(0) == 0 || setgid(0) == 0) {
        errno = EPERM;
        return HX_ESYS;
    }
    return HX_OK;
}
