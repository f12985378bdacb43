/* test/clock_step.so, for LD_PRELOAD: a wall clock that a test moves, and a record of what a program sends
 * and of how long it waits before that. In the environment:
 *
 *   CLOCK_STEP_FILE  the seconds to add to CLOCK_REALTIME, gettimeofday() and time(), in decimal, padded to 16 bytes;
 *                    written in place (1<>FILE), it moves the clock of each process that has it
 *   CLOCK_STEP_AT    "N SECONDS": the Nth datagram sent writes SECONDS into that file
 *   CLOCK_STEP_KEEP  set: this process's own clock stays
 *   CLOCK_STOP_AT    "N PID": the Nth datagram sent stops that process (SIGSTOP), or the sender if it is 0
 *   CLOCK_STEP_LOG   gets, in lines of "NAME NUMBER":
 *                      slept_us         of the first thread, before the first datagram: what it slept, and what it
 *                                       waited for in vain (a wait that ran out of its time)
 *                      first_us         from the loading of this library to the first datagram
 *                      sent             datagrams at all; those of one sendmsg() with UDP_SEGMENT count as one
 *                      after_step       the most datagrams in the second from the first after a step
 *                      peak_bytes       the most in 100 ms, before a stop
 *                      after_stop_bytes in the 100 ms from the first datagram after a stop
 *                    the last four when the program exits */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT     __attribute__((visibility("default")))
#define TEXT_SIZE  16
#define BIN_US     100000
#define SECOND_US  1000000
#define STOP_US    1000000 /* a sender that is silent for so long was stopped, */
#define BULK_BYTES 100000  /* if it had sent so much: one that has nothing to say is silent, too */
#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))
#define US(ts)     ((long long)(ts)->tv_sec * SECOND_US + (ts)->tv_nsec / 1000)

static char *offset_text;
static int log_fd = -1;
static long long loaded_us, step_s;
static long long step_at_send, stop_at_send;
static pid_t self, stopped;
static bool keeps;
static atomic_llong sent, slept_us;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for the rest */
static long long last_us, last_step_s, stepped_us, stopped_us, bin_us;
static long long in_step, after_step, in_bin, all_bytes, peak_bytes, after_stop_bytes;

static long long now_us(clockid_t id)
{
    struct timespec ts;

    (void)syscall(SYS_clock_gettime, id, &ts);
    return US(&ts);
}

static long long offset_s(void)
{
    char text[TEXT_SIZE + 1] = "";

    if (!offset_text || keeps)
        return 0;
    memcpy(text, offset_text, TEXT_SIZE);
    return strtoll(text, NULL, 10);
}

static void say(const char *name, long long number)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%s %lld\n", name, number);

    if (log_fd >= 0 && write(log_fd, line, (size_t)len) != len)
        _exit(99);
}

__attribute__((constructor)) static void load(void)
{
    const char *file = getenv("CLOCK_STEP_FILE"), *log = getenv("CLOCK_STEP_LOG");
    const char *step = getenv("CLOCK_STEP_AT"), *stop = getenv("CLOCK_STOP_AT");
    char *end;

    self = getpid();
    loaded_us = now_us(CLOCK_MONOTONIC);
    int fd;
    if (file && (fd = open(file, O_RDWR | O_CLOEXEC)) >= 0) {
        void *map = mmap(NULL, TEXT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        offset_text = map == MAP_FAILED ? NULL : map;
        close(fd);
    }
    if (log && (fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) >= 0) {
        log_fd = fcntl(fd, F_DUPFD_CLOEXEC, 200); /* out of the way of what the program opens */
        close(fd);
    }
    if (step) {
        step_at_send = strtoll(step, &end, 10);
        step_s = strtoll(end, NULL, 10);
    }
    if (stop) {
        stop_at_send = strtoll(stop, &end, 10);
        stopped = (pid_t)strtoll(end, NULL, 10);
    }
    keeps = getenv("CLOCK_STEP_KEEP") != NULL;
    last_step_s = offset_s();
}

__attribute__((destructor)) static void unload(void)
{
    if (getpid() != self)
        return;
    if (sent == 0)
        say("slept_us", slept_us);
    say("sent", sent);
    say("after_step", in_step > after_step ? in_step : after_step);
    say("peak_bytes", peak_bytes);
    say("after_stop_bytes", after_stop_bytes);
}

/* --- the wall clock
 * ------------------------------------------------------------------------------------------ */

EXPORT int clock_gettime(clockid_t id, struct timespec *ts)
{
    int rc = (int)syscall(SYS_clock_gettime, id, ts);

    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
        ts->tv_sec += offset_s();
    return rc;
}

EXPORT int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    long long us = now_us(CLOCK_REALTIME);

    (void)zone;
    now->tv_sec = us / SECOND_US + offset_s();
    now->tv_usec = us % SECOND_US;
    return 0;
}

EXPORT time_t time(time_t *to)
{
    time_t now = now_us(CLOCK_REALTIME) / SECOND_US + offset_s();

    if (to)
        *to = now;
    return now;
}

/* --- what is sent
 * -------------------------------------------------------------------------------------------- */

static void count(long long bytes)
{
    long long now = now_us(CLOCK_MONOTONIC), step = offset_s();

    if (step != last_step_s) {
        if (in_step > after_step)
            after_step = in_step;
        in_step = 0;
        stepped_us = now;
        last_step_s = step;
    }
    if (stepped_us != 0 && now - stepped_us < SECOND_US)
        in_step++;
    if (now - last_us >= STOP_US && all_bytes >= BULK_BYTES)
        stopped_us = now;
    last_us = now;
    all_bytes += bytes;
    if (stopped_us != 0) {
        if (now - stopped_us < BIN_US)
            after_stop_bytes += bytes;
        return;
    }
    if (now - bin_us >= BIN_US) {
        bin_us = now;
        in_bin = 0;
    }
    in_bin += bytes;
    if (in_bin > peak_bytes)
        peak_bytes = in_bin;
}

static void sending(long long bytes)
{
    long long n = ++sent;

    if (n == 1) {
        say("slept_us", slept_us);
        say("first_us", now_us(CLOCK_MONOTONIC) - loaded_us);
    }
    if (n == step_at_send && offset_text) {
        char text[TEXT_SIZE + 1];

        (void)snprintf(text, sizeof text, "%-*lld", TEXT_SIZE - 1, step_s);
        memcpy(offset_text, text, TEXT_SIZE);
    }
    if (n == stop_at_send)
        (void)kill(stopped ? stopped : self, SIGSTOP);
    pthread_mutex_lock(&lock);
    count(bytes);
    pthread_mutex_unlock(&lock);
}

static bool is_datagram(int fd)
{
    int type = 0;
    socklen_t len = sizeof type;

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM;
}

static long long bytes_of(const struct msghdr *mh)
{
    long long bytes = 0;

    for (size_t i = 0; i < mh->msg_iovlen; i++)
        bytes += (long long)mh->msg_iov[i].iov_len;
    return bytes;
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *mh, int flags)
{
    if (is_datagram(fd))
        sending(bytes_of(mh));
    return syscall(SYS_sendmsg, fd, mh, flags);
}

EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
    if (is_datagram(fd))
        for (unsigned i = 0; i < n; i++)
            sending(bytes_of(&messages[i].msg_hdr));
    return (int)syscall(SYS_sendmmsg, fd, messages, n, flags);
}

EXPORT ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len)
{
    if (is_datagram(fd))
        sending((long long)len);
    return syscall(SYS_sendto, fd, data, len, flags, to, to_len);
}

/* --- what is waited for
 * -------------------------------------------------------------------------------------- */

static void waited(long long begun_us)
{
    if (sent == 0 && gettid() == self)
        slept_us += now_us(CLOCK_MONOTONIC) - begun_us;
}

EXPORT int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    long long begun_us = now_us(CLOCK_MONOTONIC);
    int rc = (int)syscall(SYS_nanosleep, wanted, left);

    waited(begun_us);
    return rc;
}

EXPORT int usleep(useconds_t us)
{
    return nanosleep(&(struct timespec){.tv_sec = us / SECOND_US, .tv_nsec = us % SECOND_US * 1000L}, NULL);
}

EXPORT unsigned sleep(unsigned seconds)
{
    (void)nanosleep(&(struct timespec){.tv_sec = seconds}, NULL);
    return 0;
}

EXPORT int clock_nanosleep(clockid_t id, int flags, const struct timespec *wanted, struct timespec *left)
{
    long long begun_us = now_us(CLOCK_MONOTONIC);
    int rc = NEXT(clock_nanosleep)(id, flags, wanted, left);

    waited(begun_us);
    return rc;
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int ms)
{
    long long begun_us = now_us(CLOCK_MONOTONIC);
    int rc = NEXT(poll)(fds, n, ms);

    if (rc == 0 && ms != 0)
        waited(begun_us);
    return rc;
}

EXPORT int select(int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *most)
{
    long long begun_us = now_us(CLOCK_MONOTONIC);
    int rc = NEXT(select)(n, r, w, x, most);

    if (rc == 0)
        waited(begun_us);
    return rc;
}

EXPORT int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t id,
                                  const struct timespec *until)
{
    long long begun_us = now_us(CLOCK_MONOTONIC);
    int rc = NEXT(pthread_cond_clockwait)(cond, mutex, id, until);

    if (rc != 0)
        waited(begun_us);
    return rc;
}

EXPORT int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
    long long begun_us = now_us(CLOCK_MONOTONIC);
    int rc = NEXT(pthread_cond_timedwait)(cond, mutex, until);

    if (rc != 0)
        waited(begun_us);
    return rc;
}
