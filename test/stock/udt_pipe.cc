// A stock UDT4 connection as a pipe: standard input goes to the server, what the server says to standard output.
// So a test's script can ask, read, and ask again on the same connection, as it can with a TCP socket.
//
//   udt_pipe HOST PORT
//
// Exit 0 once the server has closed, or standard input has ended; 1: no connection; 2: bad usage.
#include <arpa/inet.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <udt/udt.h>

#define CONNECTS_MAX 5

static const unsigned ack_us = 50000; // UDT acknowledges each 10 ms, but not when it closes

static void to_server(UDTSOCKET s)
{
    char bytes[65536];
    ssize_t n;

    while ((n = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
        for (ssize_t at = 0; at < n;) {
            int sent = UDT::send(s, bytes + at, static_cast<int>(n - at), 0);
            if (sent <= 0)
                return;
            at += sent;
        }
    usleep(ack_us);
    UDT::close(s);
}

int main(int argc, char **argv)
{
    sockaddr_in a = {};

    if (argc != 3) {
        fprintf(stderr, "usage: udt_pipe HOST PORT\n");
        return 2;
    }
    a.sin_family = AF_INET;
    a.sin_port = htons(static_cast<uint16_t>(atoi(argv[2])));
    inet_pton(AF_INET, argv[1], &a.sin_addr);
    UDT::startup();
    UDTSOCKET s = UDT::INVALID_SOCK;
    // The library gives up after 3 s, which a machine may be busy with others.
    for (int tries = 0; s == UDT::INVALID_SOCK && tries < CONNECTS_MAX; tries++) {
        s = UDT::socket(AF_INET, SOCK_STREAM, 0);
        if (UDT::connect(s, reinterpret_cast<sockaddr *>(&a), sizeof a) == UDT::ERROR) {
            fprintf(stderr, "udt_pipe: %s\n", UDT::getlasterror().getErrorMessage());
            UDT::close(s);
            s = UDT::INVALID_SOCK;
        }
    }
    if (s == UDT::INVALID_SOCK)
        return 1;
    std::thread(to_server, s).detach();
    char bytes[65536];
    int n;
    while ((n = UDT::recv(s, bytes, sizeof bytes, 0)) > 0)
        if (write(STDOUT_FILENO, bytes, static_cast<size_t>(n)) != n)
            break;
    _exit(0); // the other thread may be reading
}
