// Many stock UDT4 clients in one process, on one UDP port: <udt/udt.h>, the shared library and its defaults,
// nothing of hx. Each binds a name, stock-0, stock-1..., and holds it.
//
//   stock_holder PORT COUNT
//
// Talks to 127.0.0.1:PORT. Prints "bound" when all are, then "told N" when client N is given a part, and
// "lost N" when its connection has ended, until standard input does. Exit 0, or 1 if not all could bind.
#include <arpa/inet.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <udt/udt.h>
#include <vector>

static const int look_ms = 50; // UDT's epoll tells neither that a peer has closed nor what is to be read once
static const int deadline_ms = 20000;

struct holder {
    UDTSOCKET id;
    std::string answer;
    size_t told = 0; // bytes of the answer that have been looked at for parts
    bool lost = false;
};

[[noreturn]] static void die_udt(const char *what)
{
    fprintf(stderr, "stock_holder: %s: %s\n", what, UDT::getlasterror_desc());
    _exit(1); // UDT's own threads may be anywhere
}

// All sockets of one local port share its UDP socket.
static UDTSOCKET connect_from(sockaddr_in &local, const sockaddr_in &server)
{
    int len = sizeof local;
    bool off = false;
    UDTSOCKET u = UDT::socket(AF_INET, SOCK_STREAM, 0);
    if (u == UDT::INVALID_SOCK || UDT::bind(u, reinterpret_cast<sockaddr *>(&local), len) == UDT::ERROR ||
        UDT::connect(u, reinterpret_cast<const sockaddr *>(&server), sizeof server) == UDT::ERROR)
        die_udt("cannot connect");
    UDT::getsockname(u, reinterpret_cast<sockaddr *>(&local), &len);
    local.sin_addr.s_addr = 0; // bound as the first was: another address would be another UDP socket
    if (UDT::setsockopt(u, 0, UDT_RCVSYN, &off, sizeof off) == UDT::ERROR)
        die_udt("UDT_RCVSYN");
    return u;
}

static void look(holder &h, size_t number)
{
    static const char delimiter[] = "\n--hx_hole_punching\r\n"; // the head has the boundary behind '='
    char bytes[2048];
    int n;
    while (!h.lost && (n = UDT::recv(h.id, bytes, sizeof bytes, 0)) > 0)
        h.answer.append(bytes, static_cast<size_t>(n));
    if (!h.lost && n == UDT::ERROR && UDT::getlasterror_code() != CUDTException::EASYNCRCV) {
        h.lost = true;
        printf("lost %zu\n", number);
    }
    for (size_t at; (at = h.answer.find(delimiter, h.told)) != std::string::npos;) {
        h.told = at + strlen(delimiter);
        printf("told %zu\n", number);
    }
    fflush(stdout);
}

static void bind_name(holder &h, size_t number)
{
    std::string request = "GET /bind?host_id=stock-" + std::to_string(number) + " HTTP/1.1\r\n\r\n";
    if (UDT::send(h.id, request.data(), static_cast<int>(request.size()), 0) == UDT::ERROR)
        die_udt("cannot send");
    for (int ms = 0; h.answer.find("\r\n\r\n") == std::string::npos && ms < deadline_ms; ms += look_ms / 10) {
        poll(nullptr, 0, look_ms / 10);
        look(h, number);
    }
    if (h.answer.compare(0, 12, "HTTP/1.1 200") != 0) {
        fprintf(stderr, "stock_holder: stock-%zu cannot bind\n", number);
        _exit(1);
    }
}

int main(int argc, char **argv)
{
    sockaddr_in server = {}, local = {};
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    char byte;
    if (argc != 3) {
        fputs("usage: stock_holder PORT COUNT\n", stderr);
        return 2;
    }
    server.sin_family = local.sin_family = AF_INET;
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.sin_port = htons(static_cast<uint16_t>(atoi(argv[1])));
    UDT::startup();
    std::vector<holder> holders(static_cast<size_t>(atoi(argv[2])));
    for (size_t i = 0; i < holders.size(); i++) {
        holders[i].id = connect_from(local, server);
        bind_name(holders[i], i);
    }
    printf("bound\n");
    fflush(stdout);
    while (poll(&input, 1, look_ms) == 0 || read(STDIN_FILENO, &byte, 1) > 0) {
        for (size_t i = 0; i < holders.size(); i++)
            look(holders[i], i);
    }
    _exit(0); // the connections end with the process: nobody waits for a goodbye
}
