#include "server/sandbox.h"
#include "base/error.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || \
    __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANDBOX_ARCH 0
#elif defined(__x86_64__)
#define SANDBOX_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SANDBOX_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define SANDBOX_ARCH AUDIT_ARCH_RISCV64
#else
#define SANDBOX_ARCH 0
#endif

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define X32_BIT      0x40000000u /* x86-64: above, the same calls under another number (syscall(2)) */

/* What strace saw of the loop, of UDT's threads and of an orderly end, and what glibc does in their place on
 * other machines and versions. */
static const int allowed[] = {
    /* datagrams, the supervisor's socket, the log */
    SYS_recvmsg, SYS_sendmsg, SYS_recvmmsg, SYS_sendmmsg, SYS_recvfrom, SYS_sendto, SYS_read, SYS_write,
    SYS_writev, SYS_pread64, SYS_getsockname, SYS_getsockopt, SYS_close, SYS_shutdown,
    /* TCP */
    SYS_accept4,
    /* waiting */
    SYS_futex, SYS_epoll_create1, SYS_epoll_pwait, SYS_epoll_ctl, SYS_ppoll, SYS_clock_nanosleep,
    SYS_nanosleep, SYS_sched_yield, SYS_restart_syscall, SYS_timerfd_settime,
#ifdef SYS_epoll_wait /* machines that had it before epoll_pwait */
    SYS_epoll_wait, SYS_poll,
#endif
    /* time and chance */
    SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_getrandom,
    /* memory; mmap and mprotect are looked at below */
    SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_sched_getaffinity,
    /* how the store has ended (server/store_take.c) */
    SYS_wait4,
    /* signals, abort() among them, and the end */
    SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_rt_sigreturn, SYS_sigaltstack, SYS_tgkill, SYS_gettid,
    SYS_getpid, SYS_set_robust_list, SYS_rseq, SYS_exit, SYS_exit_group};
/* The store's (server/store_process.h), besides: files, as SQLite wants them, and when they change. */
static const int allowed_store[] = {
    SYS_openat,     SYS_fstat,    SYS_newfstatat, SYS_statx,
    SYS_lseek,      SYS_pwrite64, SYS_fsync,      SYS_fdatasync,
    SYS_ftruncate,  SYS_fcntl,

    SYS_fchmod,     SYS_unlinkat, SYS_faccessat,  SYS_readlinkat,
    SYS_getdents64, SYS_getcwd,   SYS_geteuid,    SYS_inotify_add_watch,
#ifdef SYS_open /* machines that had them before their namesakes */
    SYS_open,       SYS_stat,     SYS_lstat,      SYS_unlink,
    SYS_access,     SYS_readlink,
#endif
};
/* No library does one of these by chance: somebody else runs this process. */
static const int fatal[] = {SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv,
                            SYS_process_vm_writev};
static const int maps[] = {SYS_mmap, SYS_mprotect};
static const struct {
    uint32_t level, name;
} options[] = {{SOL_SOCKET, SO_LINGER}, {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_CORK}};

#define HEAD_SIZE   6
#define CALL_SIZE   2 /* instructions for one system call */
#define MAP_SIZE    5
#define OPTION_SIZE 5 /* and two for all of them */
#define PROGRAM_SIZE                                                         \
    (HEAD_SIZE + MAP_SIZE * COUNT(maps) + OPTION_SIZE * COUNT(options) + 2 + \
     CALL_SIZE * (COUNT(allowed) + COUNT(allowed_store) + COUNT(fatal)) + 1 /* the rest */)

#define LOAD(field)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define DENY         (SECCOMP_RET_ERRNO | EPERM)

bool sandbox_built(void)
{
    return SANDBOX_ARCH != 0;
}

static void add(struct sock_fprog *p, struct sock_filter instruction)
{
    p->filter[p->len++] = instruction;
}

static void add_calls(struct sock_fprog *p, const int *calls, size_t count, uint32_t action)
{
    for (size_t i = 0; i < count; i++) {
        add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1));
        add(p, (struct sock_filter)RETURN(action));
    }
}

/* The third argument says what the memory is for; its low word comes first on all machines named above. */
static void add_map(struct sock_fprog *p, int call)
{
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4));
    add(p, (struct sock_filter)LOAD(args[2]));
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1));
    add(p, (struct sock_filter)RETURN(DENY));
    add(p, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
}

/* The options that are set while the service runs: a TCP connection is reset when it is closed; and
 * libmicrohttpd says when what it has written shall leave. */
static void add_options(struct sock_fprog *p)
{
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0,
                                        OPTION_SIZE * COUNT(options) + 1));
    for (size_t i = 0; i < COUNT(options); i++) {
        add(p, (struct sock_filter)LOAD(args[1]));
        add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, options[i].level, 0, 3));
        add(p, (struct sock_filter)LOAD(args[2]));
        add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, options[i].name, 0, 1));
        add(p, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
    }
    add(p, (struct sock_filter)RETURN(DENY));
}

static void add_head(struct sock_fprog *p)
{
    add(p, (struct sock_filter)LOAD(arch));
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SANDBOX_ARCH, 1, 0));
    add(p, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
    add(p, (struct sock_filter)LOAD(nr));
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
    add(p, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
}

/* Forty lines of filter and no library: libseccomp would be one more to install, and allocates. */
static int enter(const int *more, size_t count)
{
    struct sock_filter instructions[PROGRAM_SIZE];
    struct sock_fprog program = {.len = 0, .filter = instructions};

    if (!sandbox_built()) {
        errno = ENOSYS;
        return HX_ESYS;
    }
    tzset(); /* gmtime_r() would read a file on its first call */
    add_head(&program);
    add_calls(&program, allowed, COUNT(allowed), SECCOMP_RET_ALLOW);
    add_calls(&program, more, count, SECCOMP_RET_ALLOW);
    for (size_t i = 0; i < COUNT(maps); i++)
        add_map(&program, maps[i]);
    add_options(&program);
    add_calls(&program, fatal, COUNT(fatal), SECCOMP_RET_KILL_PROCESS);
    add(&program, (struct sock_filter)RETURN(DENY));
    /* TSYNC: UDT's threads run already. A positive result is a thread that cannot be brought under it. */
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0 ? HX_OK
                                                                                                   : HX_ESYS;
}

int sandbox_enter(void)
{
    return enter(NULL, 0);
}

int sandbox_enter_store(void)
{
    return enter(allowed_store, COUNT(allowed_store));
}
