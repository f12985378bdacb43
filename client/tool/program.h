/* client/tool/program.h: the commands of hx, and how they learn that they are interrupted. */
#ifndef HX_CLIENT_TOOL_PROGRAM_H
#define HX_CLIENT_TOOL_PROGRAM_H

#include "client/tool/args.h"
#include <stdbool.h>

enum exit_status {
    STATUS_OK = 0,
    STATUS_FAILED = 1,
    STATUS_USAGE = 2,
    STATUS_COMMAND_FAILED = 255 /* how a command has ended is not known; as ssh(1) says it */
};

/* Return the exit status. */
int cmd_bind(const struct args *args);
int cmd_config(const struct args *args);
int cmd_connect(const struct args *args);
int cmd_cp(const struct args *args);
int cmd_info(const struct args *args);
int cmd_key(const struct args *args);
int cmd_key_device(const struct args *args); /* hx key --device, --auth */
int cmd_ls(const struct args *args);
int cmd_meet(const struct args *args);
int cmd_nat(const struct args *args);
int cmd_ping(const struct args *args);
int cmd_recv(const struct args *args);
int cmd_send(const struct args *args);

/* SIGINT, SIGTERM or SIGHUP has come; the library is being ended, its calls return HX_ECANCELED. */
bool interrupted(void);
/* Of who ends for it, as a shell writes it: 128 and the signal's number. */
int interrupt_status(void);
/* It was SIGHUP: who started us has left, and wants to hear nothing (ssh ends its ProxyCommand so). */
bool hung_up(void);
/* Readable from then on. */
int interrupt_fd(void);
/* Of commands that copy or forward: SIGUSR1 (or SIGINFO) has asked how far it is, or what has passed. False:
 * nobody has since the last call. */
bool progress_asked(void);
int progress_asked_fd(void); /* readable while it would be true */

#endif
