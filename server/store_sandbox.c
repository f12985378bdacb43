#include "server/store_sandbox.h"
#include "base/error.h"
#include "server/sandbox.h"
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* All that changes something, of its first version. */
#define WRITES                                                                                        \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |       \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |    \
     LANDLOCK_ACCESS_FS_MAKE_SYM)

static void allow_directory(int rules, const char *directory)
{
    struct landlock_path_beneath_attr below = {.allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE |
                                                                 LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                                                 LANDLOCK_ACCESS_FS_MAKE_REG,
                                               .parent_fd = open(directory, O_PATH | O_CLOEXEC)};

    if (below.parent_fd < 0)
        return;
    (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0);
    close(below.parent_fd);
}

static void allow_beside(int rules, const char *file)
{
    char copy[PATH_MAX];

    if (strlen(file) >= sizeof copy)
        return;
    strcpy(copy, file);
    allow_directory(rules, dirname(copy));
}

/* Kernels before 5.13 have none, and some are configured without: the filter of system calls is there. */
static void restrict_writes(const char *file, const char *directory)
{
    const struct landlock_ruleset_attr attr = {.handled_access_fs = WRITES};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    char place[PATH_MAX];

    if (rules < 0)
        return;
    if (file)
        allow_beside(rules, file);
    if (file && realpath(file, place)) /* it may be a link to another disk */
        allow_beside(rules, place);
    if (directory)
        allow_directory(rules, directory);
    (void)syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
}

int store_sandbox_enter(const char *file, const char *directory)
{
    if (!sandbox_built())
        return HX_OK;
    restrict_writes(file, directory);
    return sandbox_enter_store();
}
