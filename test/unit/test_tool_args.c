#include "client/tool/options.h"
#include "test/unit/args_parse.h"

static void bind_takes_a_name_and_a_nameserver(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL, "bind", "alice", "--nameserver", "ns:7001"), ARGS_BIND);
    assert_string_equal(args.name, "alice");
    assert_string_equal(args.nameserver, "ns:7001");
    assert_int_equal(args.timeout_s, 0); /* for ever */
    assert_int_equal(args.family, 0);
    assert_false(args.echo);
    assert_int_equal(args.local_port, 0);
}

static void options_may_stand_before_and_after_the_name(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "bind", "--echo", "alice", "-v", "-p", "7002"), ARGS_BIND);
    assert_string_equal(args.name, "alice");
    assert_true(args.echo);
    assert_true(args.verbose);
    assert_int_equal(args.local_port, 7002);
}

static void connect_takes_its_own_options(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "connect", "alice", "--wait", "60", "--name=bob", "--timeout", "3", "-q"),
                     ARGS_CONNECT);
    assert_int_equal(args.wait_s, 60);
    assert_string_equal(args.own_name, "bob");
    assert_int_equal(args.timeout_s, 3);
    assert_true(args.quiet);
}

static void a_family_can_be_chosen_but_not_both(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "bind", "alice", "-4"), ARGS_BIND);
    assert_int_equal(args.family, 4);
    assert_int_equal(PARSE("ns", "ping", "-6", "alice"), ARGS_PING);
    assert_int_equal(args.family, 6);
    assert_int_equal(PARSE("ns", "cp", "-6", "alice:x", "."), ARGS_CP);
    assert_int_equal(PARSE("ns", "connect", "alice", "-4", "-6"), ARGS_USAGE);
    assert_non_null(strstr(error, "-4 and -6"));
}

static void nat_takes_no_name_and_stun_servers(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "nat"), ARGS_NAT);
    assert_null(args.name);
    assert_null(args_stun(&args));
    assert_false(args.json || args.lifetime);
    assert_int_equal(
        PARSE("ns", "nat", "--stun", "a", "--stun", "[2001:db8::1]:3479", "--json", "--lifetime", "-4"),
        ARGS_NAT);
    assert_int_equal(args.stun_count, 2);
    assert_string_equal(args_stun(&args), "a,[2001:db8::1]:3479");
    assert_true(args.json && args.lifetime);
    assert_int_equal(args.family, 4);
    assert_int_equal(PARSE("ns", "nat", "alice"), ARGS_USAGE);
    assert_int_equal(PARSE(NULL, "nat"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "nat", "--stun", "a:0"), ARGS_USAGE);
    assert_non_null(strstr(error, "--stun takes HOST[:PORT]"));
    assert_int_equal(PARSE("ns", "nat", "--stun", "a", "--stun", "b", "--stun", "c", "--stun", "d"),
                     ARGS_NAT);
    assert_int_equal(
        PARSE("ns", "nat", "--stun", "a", "--stun", "b", "--stun", "c", "--stun", "d", "--stun", "e"),
        ARGS_USAGE);
    assert_int_equal(PARSE("ns", "ping", "alice", "--stun", "a"), ARGS_PING);
    assert_string_equal(args_stun(&args), "a");
    assert_int_equal(PARSE("ns", "key", "--stun", "a"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "nat", "--insecure"), ARGS_USAGE);
}

static void several_nameservers_stand_with_commas(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "bind", "alice", "-n", "one,two:7001,[2001:db8::1]:7002"), ARGS_BIND);
    assert_int_equal(PARSE("ns", "bind", "alice", "-n", "one,"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "bind", "alice", "-n", "one,,two"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "bind", "alice", "-n", "a,b,c,d,e,f,g,h"), ARGS_BIND);
    assert_int_equal(PARSE("ns", "bind", "alice", "-n", "a,b,c,d,e,f,g,h,i"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "bind", "alice", "-n", "one,two:0"), ARGS_USAGE);
}

static void the_option_wins_over_the_environment(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns1", "connect", "alice"), ARGS_CONNECT);
    assert_string_equal(args.nameserver, "ns1");
    assert_int_equal(PARSE("ns1", "connect", "alice", "-n", "ns2"), ARGS_CONNECT);
    assert_string_equal(args.nameserver, "ns2");
}

static void without_a_nameserver_the_error_names_both_ways_to_give_one(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL, "bind", "alice"), ARGS_USAGE);
    assert_non_null(strstr(error, "--nameserver"));
    assert_non_null(strstr(error, "HX_NAMESERVER"));
    assert_int_equal(PARSE("", "bind", "alice"), ARGS_USAGE);
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    static const char *const ports[] = {"0", "65536", "-1", "x", "", "7x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        assert_int_equal(PARSE("ns", "bind", "a", "-p", ports[i]), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "connect", "a", "--wait", "61"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "connect", "a", "--timeout", "0"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "connect", "a", "--timeout", "3601"), ARGS_USAGE);
}

static void each_usage_error_says_what_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "bind"), ARGS_USAGE);
    assert_non_null(strstr(error, "NAME"));
    assert_int_equal(PARSE("ns", "bind", "a", "b"), ARGS_USAGE);
    assert_non_null(strstr(error, "too many"));
    assert_int_equal(PARSE("ns", "fly", "a"), ARGS_USAGE);
    assert_non_null(strstr(error, "fly"));
    assert_int_equal(PARSE("ns", "bind", "a", "--nonsense"), ARGS_USAGE);
    assert_non_null(strstr(error, "--nonsense"));
    assert_int_equal(PARSE("ns", "bind", "a", "--nameserver"), ARGS_USAGE);
    assert_non_null(strstr(error, "--nameserver"));
}

static void options_of_the_other_command_are_refused(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "bind", "a", "--wait", "3"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "bind", "a", "-w", "3"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "connect", "a", "--echo"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "connect", "a", "-e"), ARGS_USAGE);
}

static void a_very_long_word_in_an_error_is_cut(void **state)
{
    (void)state;
    char word[290];
    memset(word, 'x', sizeof word);
    word[sizeof word - 1] = '\0';
    assert_int_equal(PARSE("ns", word, "a"), ARGS_USAGE);
    assert_true(strlen(error) < ARGS_ERROR_MAX);
}

static void bind_serves_targets_files_and_echo(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "bind", "a", "--allow", "h:22", "--allow=*:80", "--allow", "/run/x.sock",
                           "--share", "/srv:rw", "--echo", "--key-file", "k", "--keepalive", "5"),
                     ARGS_BIND);
    assert_int_equal(args.allow_count, 3);
    assert_string_equal(args.allow[2], "/run/x.sock");
    assert_string_equal(args.allow[0], "h:22");
    assert_string_equal(args.allow[1], "*:80");
    assert_string_equal(args.share, "/srv:rw");
    assert_string_equal(args.key_file, "k");
    assert_int_equal(args.keepalive_s, 5);
    assert_true(args.echo);
    assert_int_equal(PARSE("ns", "bind", "a"), ARGS_BIND);
    assert_int_equal(args.allow_count, 0);
    assert_null(args.share);
    assert_null(args.key_file);
    assert_false(args.insecure);
    assert_int_equal(args.keepalive_s, ARGS_KEEPALIVE);
}

static void connect_takes_forwards_in_their_order(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "connect", "-L", "80:h:80", "a", "-D1080", "-L", "[::1]:1:h:2"),
                     ARGS_CONNECT);
    assert_int_equal(args.forward_count, 3);
    assert_int_equal(args.forwards[0].kind, 'L');
    assert_string_equal(args.forwards[0].spec, "80:h:80");
    assert_int_equal(args.forwards[1].kind, 'D');
    assert_string_equal(args.forwards[1].spec, "1080");
    assert_string_equal(args.forwards[2].spec, "[::1]:1:h:2");
}

static void connect_takes_one_target_for_its_pipe(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "connect", "a", "--to", "[::1]:22"), ARGS_CONNECT);
    assert_string_equal(args.to, "[::1]:22");
    static const char *const bad[] = {"22", "host", "host:", "host:0", "host:65536", ":22", "", "h:22:23"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(PARSE("ns", "connect", "a", "--to", bad[i]), ARGS_USAGE);
        assert_non_null(strstr(error, "--to"));
    }
}

/* `option` COUNT times, after "hx COMMAND a". */
static enum args_result many(const char *command, const char *option, int count)
{
    static char words[3][16];
    char *argv[3 + 2 * (ARGS_ALLOW_MAX + 1)] = {words[0], words[1], words[2]};
    snprintf(words[0], sizeof words[0], "hx");
    snprintf(words[1], sizeof words[1], "%s", command);
    snprintf(words[2], sizeof words[2], "a");
    char *copy = strdup(option);
    for (int i = 0; i < count; i++)
        argv[3 + i] = copy;
    enum args_result result = args_parse(&args, 3 + count, argv, "ns", NULL, error);
    free(copy);
    return result;
}

static void bind_says_where_peers_may_listen(void **state)
{
    (void)state;
    assert_int_equal(
        PARSE("ns", "bind", "a", "--allow-listen", "8080", "--allow-listen=*:*", "--allow-listen", "/run/x"),
        ARGS_BIND);
    assert_int_equal(args.allow_listen_count, 3);
    assert_string_equal(args.allow_listen[2], "/run/x");
    static const char *const wrong[] = {"0", "h:0", "x", "", "run/x", "1:2:3"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(PARSE("ns", "bind", "a", "--allow-listen", wrong[i]), ARGS_USAGE);
        assert_non_null(strstr(error, "--allow-listen"));
    }
    assert_int_equal(PARSE("ns", "connect", "a", "-R", "8080:h:80", "-R1080"), ARGS_CONNECT);
    assert_int_equal(args.forward_count, 2);
    assert_int_equal(args.forwards[0].kind, 'R');
    assert_int_equal(PARSE("ns", "connect", "a", "-R", "h:80:"), ARGS_USAGE);
    assert_non_null(strstr(error, "-R"));
}

static void targets_that_cannot_be_reached_are_usage_errors(void **state)
{
    (void)state;
    static const char *const allow[] = {"22", "host", "host:0", "*", "h*:22", ""};
    for (size_t i = 0; i < sizeof allow / sizeof *allow; i++) {
        assert_int_equal(PARSE("ns", "bind", "a", "--allow", allow[i]), ARGS_USAGE);
        assert_non_null(strstr(error, "--allow"));
    }
    static const char *const forward[] = {"80", "80:h", "x:h:80", "80:h:0", "1:2:3:4:5", ""};
    for (size_t i = 0; i < sizeof forward / sizeof *forward; i++) {
        assert_int_equal(PARSE("ns", "connect", "a", "-L", forward[i]), ARGS_USAGE);
        assert_non_null(strstr(error, "-L"));
    }
    assert_int_equal(PARSE("ns", "connect", "a", "-D", "65536"), ARGS_USAGE);
    assert_non_null(strstr(error, "-D"));
}

static void repeatable_options_are_bounded(void **state)
{
    (void)state;
    assert_int_equal(many("bind", "--allow=h:1", ARGS_ALLOW_MAX), ARGS_BIND);
    assert_int_equal(many("bind", "--allow=h:1", ARGS_ALLOW_MAX + 1), ARGS_USAGE);
    assert_non_null(strstr(error, "256 times"));
    assert_int_equal(many("connect", "-D1", ARGS_FORWARDS_MAX), ARGS_CONNECT);
    assert_int_equal(many("connect", "-D1", ARGS_FORWARDS_MAX + 1), ARGS_USAGE);
}

static void ping_counts_and_waits(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "ping", "a"), ARGS_PING);
    assert_int_equal(args.count, 0);
    assert_int_equal(args.interval_ms, 1000);
    assert_int_equal(PARSE("ns", "ping", "a", "-c", "3", "-i", "0.25"), ARGS_PING);
    assert_int_equal(args.count, 3);
    assert_int_equal(args.interval_ms, 250);
    assert_int_equal(PARSE("ns", "ping", "a", "-c", "0"), ARGS_USAGE);
    static const struct {
        const char *text;
        int ms; /* 0: refused */
    } rows[] = {{"2", 2000},    {"1.5", 1500}, {"0.010", 10},     {"0.01", 10},     {"3600", 3600000},
                {".5", 500},    {".2", 200},   {"1.", 1000},      {"1.2345", 1235}, {"0.25s", 250},
                {"100ms", 100}, {"1m", 60000}, {"1h", 3600000},   {"0.5m", 30000},  {"0", 0},
                {"0.009", 0},   {"3601", 0},   {"2h", 0},         {"", 0},          {".", 0},
                {"s", 0},       {"-1", 0},     {"1,5", 0},        {"1.5.5", 0},     {"1. 5", 0},
                {"1 s", 0},     {"1S", 0},     {"0x1", 0},        {"1e1", 0},       {" 1", 0},
                {"5sec", 0},    {"+1", 0},     {"99999999999", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum args_result result = PARSE("ns", "ping", "a", "-i", rows[i].text);
        assert_int_equal(result, rows[i].ms ? ARGS_PING : ARGS_USAGE);
        if (rows[i].ms)
            assert_int_equal(args.interval_ms, rows[i].ms);
    }
}

static void every_time_has_the_same_grammar(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "connect", "a", "--timeout", "1.5m", "--wait", ".5", "--keepalive", "20s",
                           "--relay-after", "0.25s", "--udp-timeout", "1h"),
                     ARGS_CONNECT);
    assert_int_equal(args.timeout_s, 90);
    assert_int_equal(args.wait_s, 1); /* whole seconds count there: rounded up */
    assert_int_equal(args.keepalive_s, 20);
    assert_int_equal(args.relay_after_ms, 250);
    assert_int_equal(args.udp_timeout_s, 3600);
    assert_int_equal(PARSE("ns", "connect", "a", "--relay-after", "700"), ARGS_CONNECT);
    assert_int_equal(args.relay_after_ms, 700);
    assert_int_equal(PARSE("ns", "cp", "a:x", ".", "--retry-for", "1d"), ARGS_CP);
    assert_int_equal(args.retry_for_s, 86400);
    assert_int_equal(PARSE("ns", "connect", "a", "--wait", "60.1"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "ping", "a", "-w", "0"), ARGS_USAGE);
    assert_int_equal(PARSE("ns", "ping", "a", "-w", "0.1", "-W", ".2"), ARGS_PING);
    assert_int_equal(args.deadline_s, 1);
    assert_int_equal(args.answer_ms, 200);
}

static void ls_has_the_letters_of_ls(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "ls", "-lhtrRadA1", "home:x", "--timeout", "7"), ARGS_LS);
    assert_true(args.details && args.human && args.reverse && args.recursive && args.directory);
    assert_int_equal(args.order, 't');
    assert_int_equal(args.timeout_s, 7);
    assert_string_equal(args.name, "home");
    assert_string_equal(args.remote, "x");
    assert_int_equal(PARSE("ns", "ls", "-tS", "home"), ARGS_LS);
    assert_int_equal(args.order, 'S');
    assert_false(args.details || args.human || args.reverse || args.recursive || args.directory);
}

static void minus_t_is_a_terminal_for_connect_and_a_time_for_the_others(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ns", "connect", "-t", "a"), ARGS_CONNECT);
    assert_true(args.tty);
    assert_string_equal(args.name, "a");
    assert_int_equal(args.timeout_s, ARGS_CONNECT_TIMEOUT);
    assert_int_equal(PARSE("ns", "connect", "a", "--timeout", "7"), ARGS_CONNECT);
    assert_false(args.tty);
    assert_int_equal(args.timeout_s, 7);
    assert_int_equal(PARSE("ns", "ping", "-t", "7", "a"), ARGS_PING);
    assert_int_equal(args.timeout_s, 7);
    assert_false(args.tty);
}

static void key_needs_no_nameserver_and_no_name(void **state)
{
    (void)state;
    assert_int_equal(PARSE(NULL, "key"), ARGS_KEY);
    assert_false(args.set);
    assert_null(args.key_file);
    assert_int_equal(PARSE(NULL, "key", "--set", "--file", "f", "--label", "bob"), ARGS_KEY);
    assert_true(args.set);
    assert_string_equal(args.key_file, "f");
    assert_string_equal(args.label, "bob");
    assert_int_equal(PARSE(NULL, "key", "hx-aaaa"), ARGS_USAGE); /* a key in an argument list is public */
    assert_int_equal(PARSE(NULL, "key", "--label", "two words"), ARGS_USAGE);
    assert_int_equal(PARSE(NULL, "key", "--device", "f"), ARGS_KEY);
    assert_true(args.device && !args.show && strcmp(args.key_file, "f") == 0);
    assert_int_equal(PARSE(NULL, "key", "--device", "--show"), ARGS_KEY);
    assert_true(args.device && args.show && !args.key_file);
    assert_int_equal(PARSE(NULL, "key", "--auth", "--file", "f"), ARGS_KEY);
    assert_true(args.auth && strcmp(args.key_file, "f") == 0);
    char label[ARGS_LABEL_MAX + 2];
    memset(label, 'x', sizeof label);
    label[ARGS_LABEL_MAX + 1] = '\0';
    assert_int_equal(PARSE(NULL, "key", "--label", label), ARGS_USAGE);
    label[ARGS_LABEL_MAX] = '\0';
    assert_int_equal(PARSE(NULL, "key", "--label", label), ARGS_KEY);
}

static void what_contradicts_itself_is_refused_with_advice(void **state)
{
    (void)state;
#define REFUSED(word, ...)                                      \
    do {                                                        \
        assert_int_equal(PARSE("ns", __VA_ARGS__), ARGS_USAGE); \
        assert_non_null(strstr(error, word));                   \
    } while (0)
    REFUSED("--allow: leave out", "bind", "a", "--insecure", "--allow", "h:1");
    REFUSED("--bare is a bare pipe", "connect", "a", "--bare", "-L", "1:h:1");
    REFUSED("--exec: leave out", "bind", "a", "--insecure", "--exec", "x");
    REFUSED("-t: leave out", "connect", "a", "--insecure", "-t");
    REFUSED("--exec and --echo", "bind", "a", "--exec", "x", "--echo");
    REFUSED("--pty is for a command", "bind", "a", "--pty");
    REFUSED("-t is for a command", "connect", "a", "-t", "-L", "1:h:1");
    REFUSED("-t is for a command", "connect", "a", "-t", "--to", "h:1");
    REFUSED("--share: leave out", "bind", "a", "--share", "d", "--insecure");
    REFUSED("--key-file: leave out", "bind", "a", "--insecure", "--key-file", "f");
    REFUSED("--device is about", "key", "--device", "--set");
    REFUSED("--auth is about", "key", "--auth", "--label", "a");
    REFUSED("--show is for --device", "key", "--show");
    REFUSED("too many arguments", "key", "--device", "f", "g");
    REFUSED("--to: leave out", "connect", "a", "--insecure", "--to", "h:1");
    REFUSED("-L: leave out", "connect", "a", "--insecure", "-L", "1:h:1");
    REFUSED("-D: leave out", "connect", "a", "--insecure", "-D", "1");
    REFUSED("use two hx connect", "connect", "a", "--to", "h:1", "-L", "1:h:1");
    REFUSED("contradict", "connect", "a", "-v", "-q");
    REFUSED("-N is for -L", "connect", "-N", "a");
#undef REFUSED
    assert_int_equal(PARSE("ns", "connect", "-N", "-L", "1:h:1", "a", "--name", "me"), ARGS_CONNECT);
    assert_string_equal(args.name, "a");
    assert_string_equal(args.own_name, "me");
    assert_int_equal(PARSE("ns", "connect", "-NL", "1:h:1", "a"), ARGS_CONNECT);
    assert_int_equal(args.forward_count, 1);
    assert_int_equal(PARSE("ns", "bind", "a", "--insecure", "--echo"), ARGS_BIND);
    assert_true(args.insecure);
    assert_int_equal(PARSE("ns", "bind", "a", "--bare", "--key-file", "f"), ARGS_BIND);
    assert_true(args.bare && !args.insecure);
}

/* "--name", or "-c": commands may have it for different things, which are lines of their own. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bind_takes_a_name_and_a_nameserver),
        cmocka_unit_test(options_may_stand_before_and_after_the_name),
        cmocka_unit_test(connect_takes_its_own_options),
        cmocka_unit_test(a_family_can_be_chosen_but_not_both),
        cmocka_unit_test(nat_takes_no_name_and_stun_servers),
        cmocka_unit_test(several_nameservers_stand_with_commas),
        cmocka_unit_test(the_option_wins_over_the_environment),
        cmocka_unit_test(without_a_nameserver_the_error_names_both_ways_to_give_one),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(each_usage_error_says_what_is_wrong),
        cmocka_unit_test(options_of_the_other_command_are_refused),
        cmocka_unit_test(a_very_long_word_in_an_error_is_cut),
        cmocka_unit_test(bind_serves_targets_files_and_echo),
        cmocka_unit_test(connect_takes_forwards_in_their_order),
        cmocka_unit_test(connect_takes_one_target_for_its_pipe),
        cmocka_unit_test(bind_says_where_peers_may_listen),
        cmocka_unit_test(targets_that_cannot_be_reached_are_usage_errors),
        cmocka_unit_test(repeatable_options_are_bounded),
        cmocka_unit_test(ping_counts_and_waits),
        cmocka_unit_test(every_time_has_the_same_grammar),
        cmocka_unit_test(ls_has_the_letters_of_ls),
        cmocka_unit_test(minus_t_is_a_terminal_for_connect_and_a_time_for_the_others),
        cmocka_unit_test(key_needs_no_nameserver_and_no_name),
        cmocka_unit_test(what_contradicts_itself_is_refused_with_advice),
    };
    return cmocka_run_group_tests_name("tool args", tests, NULL, NULL);
}
