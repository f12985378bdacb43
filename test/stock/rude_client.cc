// What a nameserver on the open network meets, from another loopback address than the honest clients' one.
//
//   rude_client half HOST PORT COUNT [TEXT]   COUNT stock UDT connections that say TEXT (by default half a
//                                             request) and vanish without a word
//   rude_client garbage HOST PORT COUNT SEED  COUNT datagrams: noise, and UDT packets of all types with noise
//   in them rude_client requests HOST PORT COUNT      COUNT first handshakes that nobody will complete
//
// Exit 0 if all was sent, 1 if not, 2 on bad usage.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <udt/udt.h>

static const char source_address[] = "127.0.0.66"; // a limit for each address shall not meet the honest ones
static const unsigned pace_us = 2000;              // the machine is for the server
static const size_t garbage_max = 1472;            // bytes of a datagram on an Ethernet
static const uint32_t control_bit = 0x80000000;
static const uint32_t types = 9; // UDT's control packets: 0 to 8, of which 4 is unused

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "rude_client: %s: %s\n", what, why);
    return 1;
}

static sockaddr_in address_of(const char *host, unsigned port)
{
    sockaddr_in a = {};
    a.sin_family = AF_INET;
    a.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, host, &a.sin_addr);
    return a;
}

static int half(const sockaddr_in &server, unsigned count, const std::string &text)
{
    const sockaddr_in local = address_of(source_address, 0);
    for (unsigned i = 0; i < count; i++) {
        UDTSOCKET u = UDT::socket(AF_INET, SOCK_STREAM, 0);
        if (UDT::bind(u, reinterpret_cast<const sockaddr *>(&local), sizeof local) == UDT::ERROR ||
            UDT::connect(u, reinterpret_cast<const sockaddr *>(&server), sizeof server) == UDT::ERROR)
            return fail("connect", UDT::getlasterror_desc());
        if (!text.empty() && UDT::send(u, text.data(), static_cast<int>(text.size()), 0) == UDT::ERROR)
            return fail("send", UDT::getlasterror_desc());
    }
    usleep(20000); // UDT's thread sends
    return 0;
}

static int udp_to(const sockaddr_in &server)
{
    const sockaddr_in local = address_of(source_address, 0);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr *>(&local), sizeof local) < 0 ||
        connect(fd, reinterpret_cast<const sockaddr *>(&server), sizeof server) < 0)
        return -1;
    return fd;
}

static int garbage(const sockaddr_in &server, unsigned count, unsigned seed)
{
    std::mt19937 random(seed);
    int fd = udp_to(server);
    if (fd < 0)
        return fail("socket", strerror(errno));
    for (unsigned i = 0; i < count; i++) {
        uint32_t words[garbage_max / sizeof(uint32_t)];
        for (uint32_t &word : words)
            word = random();
        if (random() % 4 != 0) // a header that UDT would take, to the listener or to a likely socket
            words[0] = htonl(control_bit | random() % types << 16);
        if (random() % 2 != 0)
            words[3] = 0;
        send(fd, words, random() % (sizeof words + 1), 0);
        usleep(pace_us);
    }
    close(fd);
    return 0;
}

// UDT 4's first handshake: a control packet of type 0 with version, type, sequence number, MSS, window,
// request type 1, socket id, cookie 0 and an address.
static int requests(const sockaddr_in &server, unsigned count)
{
    int fd = udp_to(server);
    if (fd < 0)
        return fail("socket", strerror(errno));
    for (unsigned i = 0; i < count; i++) {
        uint32_t words[16] = {control_bit, 0, 0, 0, 4, 1, i, 1500, 25600, 1, 0x1000 + i};
        for (uint32_t &word : words)
            word = htonl(word);
        send(fd, words, sizeof words, 0);
        usleep(pace_us);
    }
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    const std::string what = argc >= 5 ? argv[1] : "";
    if (what != "half" && what != "garbage" && what != "requests") {
        fputs("usage: rude_client half|garbage|requests HOST PORT COUNT [TEXT|SEED]\n", stderr);
        return 2;
    }
    const sockaddr_in server = address_of(argv[2], static_cast<unsigned>(strtoul(argv[3], nullptr, 10)));
    const auto count = static_cast<unsigned>(strtoul(argv[4], nullptr, 10));
    int status;
    if (what == "half")
        status = half(server, count, argc > 5 ? argv[5] : "GET /bind?host_id=ha");
    else if (what == "garbage")
        status = garbage(server, count, argc > 5 ? static_cast<unsigned>(strtoul(argv[5], nullptr, 10)) : 1);
    else
        status = requests(server, count);
    fflush(stdout);
    _exit(status); // no shutdown is sent, no socket closed
}
