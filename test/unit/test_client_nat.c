/* hx_nat() and what it is made of, against a server that plays the NAT, too. */
#include "test/unit/stun_fixture.h"

#include "base/clock.h"
#include "client/api.h"
#include "client/stun.h"
#include "client/stun_port.h"

#include <netdb.h>
#include <stdlib.h>

#define PATIENCE_MS 20000

/* ---- a name service: "two.test" has 127.0.0.9 and 127.0.0.1 ---- */

struct found {
    struct addrinfo info;
    struct sockaddr_in sin;
};

void freeaddrinfo(struct addrinfo *list)
{
    free(list);
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
    bool two = strcmp(host, "two.test") == 0 && !(hints->ai_flags & AI_NUMERICHOST);
    struct found *f = calloc(2, sizeof *f);
    for (int i = 0; i < 2; i++) {
        f[i].sin = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
        f[i].info = (struct addrinfo){
            .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&f[i].sin, .ai_addrlen = sizeof f[i].sin};
    }
    if (two) {
        inet_pton(AF_INET, "127.0.0.9", &f[0].sin.sin_addr);
        inet_pton(AF_INET, "127.0.0.1", &f[1].sin.sin_addr);
        f[0].info.ai_next = &f[1].info;
    } else if (hints->ai_family == AF_INET6 || inet_pton(AF_INET, host, &f[0].sin.sin_addr) != 1) {
        free(f);
        return EAI_NONAME;
    }
    *out = &f[0].info;
    return 0;
}

/* ---- hx_nat ---- */

static struct hx_nat_report ask_besides(const char *nameserver, const char *stun, int timeout_ms)
{
    struct hx_nat_report r;
    struct hx_config config = {.nameserver = nameserver, .family = 4, .stun = stun};
    assert_int_equal(hx_nat(&r, NULL, &config, timeout_ms), HX_OK);
    return r;
}

static struct hx_nat_report ask(void)
{
    stun_server_start(&server);
    return ask_besides(server.text, NULL, PATIENCE_MS);
}

static void a_host_without_nat_has_its_own_address(void **state)
{
    (void)state;
    struct hx_nat_report r = ask();
    assert_int_equal(r.error, HX_OK);
    assert_int_equal(r.nameserver, HX_OK);
    assert_int_equal(r.translated, HX_NAT_NO);
    assert_string_equal(r.external, r.local);
    assert_memory_equal(r.external, "127.0.0.1:", 10);
    assert_string_equal(r.server, server.text);
    assert_int_equal(r.mapping, HX_NAT_ENDPOINT_INDEPENDENT);
    assert_int_equal(r.filtering, HX_NAT_ENDPOINT_INDEPENDENT);
    assert_int_equal(r.second_address, HX_NAT_YES);
    assert_int_equal(r.hairpin, HX_NAT_NOT_KNOWN);
    assert_int_equal(r.verdict, HX_NAT_EASY);
    assert_true(r.rtt_us > 0);
}

static void every_kind_of_mapping_and_of_filtering_is_told(void **state)
{
    static const enum nat_mapping_kind kinds[] = {NAT_MAPPING_ENDPOINT_INDEPENDENT,
                                                  NAT_MAPPING_ADDRESS_DEPENDENT,
                                                  NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT};
    (void)state;
    for (int i = 0; i < 3; i++) {
        begin(NULL);
        server.nat =
            (struct stun_nat){.mapping = kinds[i], .filtering = kinds[2 - i], .ports = NAT_PORTS_RANDOM};
        struct hx_nat_report r = ask();
        assert_int_equal(r.mapping, kinds[i]);
        assert_int_equal(r.translated, HX_NAT_YES);
        assert_int_equal(r.ports, HX_NAT_PORTS_RANDOM);
        assert_int_equal(r.filtering, kinds[2 - i]);
        assert_int_equal(r.hairpin, HX_NAT_NO);
        assert_int_equal(r.verdict, i == 0 ? HX_NAT_EASY : HX_NAT_HARD);
        assert_memory_equal(r.external, STUN_OUTSIDE ":", sizeof STUN_OUTSIDE);
        if (i < 2)
            stun_server_stop(&server);
    }
}

static void every_kind_of_port_allocation_is_told(void **state)
{
    (void)state;
    server.nat = (struct stun_nat){
        .mapping = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, .ports = NAT_PORTS_SEQUENTIAL, .step = -2};
    struct hx_nat_report r = ask();
    assert_int_equal(r.ports, HX_NAT_PORTS_SEQUENTIAL);
    assert_int_equal(r.port_step, -2);
    assert_int_equal(r.verdict, HX_NAT_PREDICTABLE);
    stun_server_stop(&server);
    begin(NULL);
    server.nat =
        (struct stun_nat){.mapping = NAT_MAPPING_ENDPOINT_INDEPENDENT, .ports = NAT_PORTS_PRESERVING};
    assert_int_equal(ask().ports, HX_NAT_PORTS_PRESERVING);
}

static void with_one_address_only_the_worst_is_known(void **state)
{
    (void)state;
    server.one_address = true;
    server.nat = (struct stun_nat){.mapping = NAT_MAPPING_ENDPOINT_INDEPENDENT,
                                   .filtering = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
                                   .ports = NAT_PORTS_RANDOM};
    struct hx_nat_report r = ask();
    assert_int_equal(r.mapping, HX_NAT_ENDPOINT_INDEPENDENT);
    assert_int_equal(r.second_address, HX_NAT_NO);
    assert_int_equal(r.filtering, HX_NAT_ADDRESS_AND_PORT_DEPENDENT);
    stun_server_stop(&server);
    begin(NULL);
    server.one_address = true;
    server.nat = (struct stun_nat){.mapping = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
                                   .filtering = NAT_MAPPING_ADDRESS_DEPENDENT};
    r = ask();
    assert_int_equal(r.mapping, HX_NAT_ADDRESS_AND_PORT_DEPENDENT);
    assert_int_equal(r.filtering, HX_NAT_UNKNOWN);
}

static void one_port_of_one_address_tells_no_mapping(void **state)
{
    (void)state;
    server.one_address = server.one_port = true;
    server.nat = (struct stun_nat){.mapping = NAT_MAPPING_ENDPOINT_INDEPENDENT, .ports = NAT_PORTS_RANDOM};
    struct hx_nat_report r = ask();
    assert_int_equal(r.error, HX_OK);
    assert_int_equal(r.mapping, HX_NAT_UNKNOWN);
    assert_int_equal(r.filtering, HX_NAT_UNKNOWN);
    assert_int_equal(r.ports, HX_NAT_PORTS_RANDOM);
    assert_int_equal(r.verdict, HX_NAT_UNCLEAR);
    stun_server_stop(&server);
    begin(NULL);
    server.one_address = server.one_port = true; /* but where there is no NAT, one answer says so */
    r = ask();
    assert_int_equal(r.mapping, HX_NAT_ENDPOINT_INDEPENDENT);
    assert_int_equal(r.verdict, HX_NAT_EASY);
}

/* The other address of the same server stands for another server. */
static void another_server_makes_up_for_a_second_address(void **state)
{
    char other[32];
    (void)state;
    server.one_address = server.one_port = true;
    server.nat = (struct stun_nat){
        .mapping = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, .ports = NAT_PORTS_SEQUENTIAL, .step = 1};
    stun_server_start(&server);
    snprintf(other, sizeof other, "127.0.0.2:%u", server.ports[1]);
    struct hx_nat_report r = ask_besides(server.text, other, PATIENCE_MS);
    assert_int_equal(r.mapping, HX_NAT_ADDRESS_AND_PORT_DEPENDENT);
    assert_int_equal(r.second_address, HX_NAT_YES);
    assert_int_equal(r.ports, HX_NAT_PORTS_SEQUENTIAL);
    assert_string_equal(r.server, server.text);
}

static void a_nameserver_that_is_silent_is_told_from_a_server_that_answers(void **state)
{
    char silent[32];
    (void)state;
    int fd = stun_server_bind("127.0.0.1", 0);
    struct sockaddr_in sin;
    socklen_t len = sizeof sin;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    snprintf(silent, sizeof silent, "127.0.0.1:%u", ntohs(sin.sin_port));
    stun_server_start(&server);
    struct hx_nat_report r = ask_besides(silent, server.text, PATIENCE_MS);
    assert_int_equal(r.error, HX_OK);
    assert_int_equal(r.nameserver, HX_ETIMEDOUT);
    assert_string_equal(r.server, server.text);
    close(fd);
}

static void of_a_name_s_addresses_the_next_one_is_asked(void **state)
{
    char name[32];
    (void)state;
    stun_server_start(&server);
    snprintf(name, sizeof name, "two.test:%u", server.ports[0]);
    struct hx_nat_report r =
        ask_besides(name, NULL, PATIENCE_MS); /* ICMP says that the first one is not there */
    assert_int_equal(r.error, HX_OK);
    assert_int_equal(r.nameserver, HX_OK);
    assert_string_equal(r.server, server.text);
    assert_int_equal(r.filtering, HX_NAT_ENDPOINT_INDEPENDENT);
    int fd = stun_server_bind("127.0.0.9", server.ports[0]); /* it is, and says nothing */
    r = ask_besides(name, NULL, PATIENCE_MS);
    assert_int_equal(r.nameserver, HX_OK);
    assert_string_equal(r.server, server.text);
    assert_int_equal(r.filtering, HX_NAT_ENDPOINT_INDEPENDENT);
    close(fd);
}

static void silence_is_told_in_time(void **state)
{
    (void)state;
    server.silent = true;
    stun_server_start(&server);
    int64_t begun_ms = clock_now_ms();
    struct hx_nat_report r = ask_besides(server.text, NULL, 1000);
    assert_in_range(clock_now_ms() - begun_ms, 900, PATIENCE_MS);
    assert_int_equal(r.error, HX_ETIMEDOUT);
    assert_int_equal(r.verdict, HX_NAT_BLOCKED);
    assert_string_equal(r.external, "-");
    assert_true(atomic_load(&server.heard) >= 4); /* lost questions are asked again */
}

static void a_port_that_nobody_has_is_told_at_once(void **state)
{
    (void)state;
    server.silent = true;
    stun_server_start(&server);
    int fd = stun_server_bind("127.0.0.1", 0);
    struct sockaddr_in sin;
    socklen_t len = sizeof sin;
    char text[32];
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    snprintf(text, sizeof text, "127.0.0.1:%u", ntohs(sin.sin_port));
    close(fd);
    struct hx_nat_report r = ask_besides(text, NULL, PATIENCE_MS);
    assert_int_equal(r.error, HX_EREFUSED);
    assert_int_equal(r.verdict, HX_NAT_UNCLEAR);
}

static void lost_questions_are_asked_again(void **state)
{
    (void)state;
    server.drop_first = 3;
    struct hx_nat_report r = ask();
    assert_int_equal(r.error, HX_OK);
    assert_int_equal(r.filtering, HX_NAT_ENDPOINT_INDEPENDENT);
}

/* Of lost questions the round trip looks long, and then the tests of filtering have all the time that is
 * left. */
static void a_filter_s_silence_counts_to_the_last_moment(void **state)
{
    (void)state;
    server.drop_first = 6;
    server.nat = (struct stun_nat){.mapping = NAT_MAPPING_ENDPOINT_INDEPENDENT,
                                   .filtering = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT};
    stun_server_start(&server);
    struct hx_nat_report r = ask_besides(server.text, NULL, 2500);
    assert_int_equal(r.error, HX_OK);
    assert_int_equal(r.filtering, HX_NAT_ADDRESS_AND_PORT_DEPENDENT);
}

static void answers_of_strangers_are_not_believed(void **state)
{
    (void)state;
    server.stray = 5;
    server.nat =
        (struct stun_nat){.mapping = NAT_MAPPING_ENDPOINT_INDEPENDENT, .ports = NAT_PORTS_PRESERVING};
    struct hx_nat_report r = ask();
    assert_int_equal(r.mapping, HX_NAT_ENDPOINT_INDEPENDENT);
    assert_int_equal(r.ports, HX_NAT_PORTS_PRESERVING);
    assert_memory_equal(r.external, STUN_OUTSIDE ":", sizeof STUN_OUTSIDE);
}

/* Nothing comes of it, and above all nothing is sent there. */
static void a_server_cannot_name_an_address_that_no_host_has(void **state)
{
    static const char *const names[] = {"224.0.0.1:7001", "255.255.255.255:7001", "10.0.0.1:7001",
                                        "0.0.0.0:7001"};
    (void)state;
    for (int i = 0; i < 4; i++) {
        begin(NULL);
        server.names = names[i];
        struct hx_nat_report r = ask();
        assert_int_equal(r.error, HX_OK);
        assert_int_equal(r.second_address, HX_NAT_NO);
        if (i < 3)
            stun_server_stop(&server);
    }
}

static void the_longest_packet_that_is_answered_is_told(void **state)
{
    static const struct {
        size_t longest;
        int mtu;
    } rows[] = {{0, 1500}, {1500 - 28 - 1, 1492}, {1420 - 28, 1420}, {548, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        server.longest = rows[i].longest;
        struct hx_nat_report r = ask();
        assert_int_equal(r.error, HX_OK);
        assert_int_equal(r.mtu, rows[i].mtu);
        stun_server_stop(&server);
    }
    stun_server_start(&server);
}

static void errors_are_no_answers(void **state)
{
    (void)state;
    server.says_error = true;
    struct hx_nat_report r = ask();
    assert_true(r.error < 0);
    assert_string_equal(r.external, "-");
}

static void an_older_program_gets_what_it_knows(void **state)
{
    struct {
        struct hx_nat_report known;
        char more[16];
    } r;
    struct hx_config config = {.nameserver = server.text, .family = 4};
    (void)state;
    stun_server_start(&server);
    memset(&r, 'x', sizeof r);
    assert_int_equal(hx_nat_sized(&r.known, NULL, sizeof r, &config, sizeof config, PATIENCE_MS), HX_OK);
    assert_int_equal(r.known.error, HX_OK);
    assert_int_equal(r.more[15], 0); /* a newer one's fields are zero */
    memset(&r, 'x', sizeof r);
    assert_int_equal(hx_nat_sized(&r.known, NULL, sizeof(int), &config, sizeof config, PATIENCE_MS), HX_OK);
    assert_int_equal(r.known.error, HX_OK);
    assert_int_equal(((char *)&r.known)[sizeof(int)], 'x');
}

static void what_cannot_be_asked_is_refused(void **state)
{
    struct hx_nat_report r;
    struct hx_config config = {.nameserver = "127.0.0.1", .stun = "127.0.0.1:x"};
    (void)state;
    stun_server_start(&server);
    assert_int_equal(hx_nat(&r, NULL, &config, 1000), HX_EINVAL);
    config.stun = NULL;
    assert_int_equal(hx_nat(&r, NULL, &config, 10), HX_EINVAL);
    config.nameserver = NULL;
    assert_int_equal(hx_nat(&r, NULL, &config, 1000), HX_EINVAL);
}

/* ---- questions ---- */

static void on_answer(void *user, const struct stun_answer *a)
{
    int *answers = user;
    (void)a;
    ++*answers;
}

static void questions_are_bounded_and_can_be_cancelled(void **state)
{
    struct stun_transaction *all[STUN_QUESTIONS_MAX], *more;
    struct stun_port *port;
    int answers = 0;
    (void)state;
    server.silent = true;
    stun_server_start(&server);
    assert_int_equal(engine_enter(0), HX_OK);
    assert_int_equal(stun_port_open(&port, AF_INET), HX_OK);
    struct stun_question q = {.port = stun_port_net(port),
                              .server = stun_server_at(&server, 0),
                              .timeout_ms = PATIENCE_MS,
                              .on_done = on_answer,
                              .user = &answers};
    for (int i = 0; i < STUN_QUESTIONS_MAX; i++)
        assert_int_equal(stun_ask(&all[i], &q), HX_OK);
    assert_int_equal(stun_ask(&more, &q), HX_ELIMIT);
    for (int i = 0; i < STUN_QUESTIONS_MAX; i++)
        stun_cancel(all[i]);
    assert_int_equal(stun_ask(&more, &q), HX_OK);
    stun_cancel(more);
    stun_port_close(port);
    assert_int_equal(answers, 0);
    engine_unlock();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_host_without_nat_has_its_own_address),
        TEST(every_kind_of_mapping_and_of_filtering_is_told),
        TEST(every_kind_of_port_allocation_is_told),
        TEST(with_one_address_only_the_worst_is_known),
        TEST(one_port_of_one_address_tells_no_mapping),
        TEST(another_server_makes_up_for_a_second_address),
        TEST(a_nameserver_that_is_silent_is_told_from_a_server_that_answers),
        TEST(of_a_name_s_addresses_the_next_one_is_asked),
        TEST(silence_is_told_in_time),
        TEST(a_port_that_nobody_has_is_told_at_once),
        TEST(lost_questions_are_asked_again),
        TEST(a_filter_s_silence_counts_to_the_last_moment),
        TEST(answers_of_strangers_are_not_believed),
        TEST(a_server_cannot_name_an_address_that_no_host_has),
        TEST(the_longest_packet_that_is_answered_is_told),
        TEST(errors_are_no_answers),
        TEST(an_older_program_gets_what_it_knows),
        TEST(what_cannot_be_asked_is_refused),
        TEST(questions_are_bounded_and_can_be_cancelled),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hx_cleanup();
    return failed;
}
