/* hx: the two ends of a punched connection on the command line. */
#include "base/process.h"
#include "client/forward/say.h"
#include "client/hx.h"
#include "client/tool/args.h"
#include "client/tool/device_key.h"
#include "client/tool/options.h"
#include "client/tool/program.h"
#include "client/tool/trace_file.h"
#include "client/tool/ui.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

static atomic_int interrupt_signal; /* 0: none */
static int interrupt_event = -1, question_event = -1;

bool interrupted(void)
{
    return atomic_load(&interrupt_signal) != 0;
}

int interrupt_status(void)
{
    return 128 + atomic_load(&interrupt_signal);
}

bool hung_up(void)
{
    return atomic_load(&interrupt_signal) == SIGHUP;
}

int interrupt_fd(void)
{
    return interrupt_event;
}

bool progress_asked(void)
{
    struct signalfd_siginfo info;
    return read(question_event, &info, sizeof info) == sizeof info;
}

int progress_asked_fd(void)
{
    return question_event;
}

/* The first signal ends the library in order, which every other thread notices; a second one ends us. */
static void *take_signals(void *set)
{
    uint64_t one = 1;
    int number;
    if (sigwait(set, &number) == 0) {
        atomic_store(&interrupt_signal, number);
        (void)!write(interrupt_event, &one, sizeof one);
        pthread_sigmask(SIG_UNBLOCK, set, NULL);
        hx_cleanup();
    }
    return NULL;
}

/* Those who ask what a copy or a forward does: blocked in every thread, and read from a descriptor. */
static bool begin_questions(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
#ifdef SIGINFO
    sigaddset(&set, SIGINFO);
#endif
    question_event = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return question_event >= 0 && pthread_sigmask(SIG_BLOCK, &set, NULL) == 0;
}

static bool begin_signals(bool questions)
{
    static sigset_t set;
    pthread_t thread;
    sigemptyset(&set);
    sigaddset(&set,
              SIGINT); /* also where a shell has ignored it, as it does for what it runs in the background */
    sigaddset(&set, SIGTERM);
    if (!process_ignores(SIGHUP)) /* sigwait(3) would take it all the same */
        sigaddset(&set, SIGHUP);
    interrupt_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (questions && !begin_questions())
        return false;
    if (interrupt_event < 0 || pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 ||
        pthread_create(&thread, NULL, take_signals, &set) != 0)
        return false;
    pthread_detach(thread);
    return true;
}

static int (*const commands[ARGS_COMMANDS])(const struct args *args) = {
    [ARGS_CONFIG] = cmd_config, [ARGS_BIND] = cmd_bind, [ARGS_CONNECT] = cmd_connect, [ARGS_CP] = cmd_cp,
    [ARGS_KEY] = cmd_key,       [ARGS_LS] = cmd_ls,     [ARGS_NAT] = cmd_nat,         [ARGS_PING] = cmd_ping,
    [ARGS_RECV] = cmd_recv,     [ARGS_SEND] = cmd_send, [ARGS_INFO] = cmd_info,       [ARGS_MEET] = cmd_meet,
};

#define OF(command) (1U << (command))

/* Commands that tell how far it is, or what has passed, to who asks. */
static const unsigned asked = OF(ARGS_BIND) | OF(ARGS_CONNECT) | OF(ARGS_CP) | OF(ARGS_RECV) | OF(ARGS_SEND);
/* Those that have failed when a signal has ended them; the others say themselves what that means. */
static const unsigned broken_off =
    OF(ARGS_INFO) | OF(ARGS_LS) | OF(ARGS_MEET) | OF(ARGS_RECV) | OF(ARGS_SEND);

static int run(struct args *args)
{
    say_init(args->verbose, args->quiet);
    if (args->command != ARGS_KEY) /* it asks a terminal, which is the foreground's */
        process_ignore_tostop();
    if (!begin_signals(asked & OF(args->command))) {
        say_error("cannot begin: %s", strerror(errno));
        return STATUS_FAILED;
    }
    int status =
        device_keys_load(args) && trace_file_open(args) ? commands[args->command](args) : STATUS_FAILED;
    hx_cleanup();
    device_keys_wipe(args);
    bool broken = broken_off & OF(args->command) && status == STATUS_FAILED && interrupted();
    return broken ? interrupt_status() : status;
}

/* A question needs no ';' behind it. */
static void tell_usage(const char *error, enum args_result command)
{
    const char *mark = error[0] && error[strlen(error) - 1] == '?' ? "" : ";";
    const char *name = command < ARGS_COMMANDS ? options_commands[command].name : "";
    say_error("%s%s hx %s%s--help shows everything", error, mark, name, name[0] ? " " : "");
}

int main(int argc, char **argv)
{
    static struct args args; /* with what the file says, which threads that hang may still read */
    char file[PATH_MAX];
    char error[ARGS_ERROR_MAX];
    process_begin();
    enum args_result result =
        args_parse(&args, argc, argv, getenv("HX_NAMESERVER"), config_path(file) ? file : NULL, error);
    switch (result) {
    case ARGS_HELP:
        (void)options_help(stdout, args.command); /* a failure is seen below */
        return ui_printed() ? STATUS_OK : STATUS_FAILED;
    case ARGS_VERSION:
        printf("hx %s\n", hx_version());
        return ui_printed() ? STATUS_OK : STATUS_FAILED;
    case ARGS_USAGE:
        tell_usage(error, args.command);
        return STATUS_USAGE;
    default:
        return run(&args);
    }
}
