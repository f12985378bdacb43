// A plain UDT4 server as the library's manual shows one: UDT's own epoll, default options, IPv4, one thread.
// It answers every request with the same bytes. udtcurl is tested against it, and it is the benchmark's
// baseline.
//
//   plain_server [--port P] [--body TEXT | --reply FILE] [--split N [--pause MS]]
//                [--close-after N | --hold-after N | --silent | --refuse]
//
//   --reply FILE     the answer is the file's bytes instead of a 200 with --body
//   --split N        N bytes a send, with --pause milliseconds (default 20) between them
//   --close-after N  closes the connection after the first N bytes of an answer (0: without any)
//   --hold-after N   sends the first N bytes of an answer and stays open
//   --silent         reads requests and never answers (--hold-after 0)
//   --refuse         never accepts, and has its backlog full: a connect is refused
//   --buffer N       UDT's buffers and flight window have N packets instead of 8192 and 25600
//   --requests FILE  appends the bytes of each request to the file
#include <arpa/inet.h>
#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <udt/udt.h>

static const size_t request_max = 65536; // bytes without an empty line: such a peer is dropped
static const int64_t sweep_ms = 1000; // UDT's epoll does not tell that a peer has closed: look now and then

struct script {
    uint16_t port = 0;
    std::string reply;
    size_t limit = std::string::npos; // bytes of an answer that are sent
    bool close_at_limit = false;
    bool refuse = false;
    size_t split = 0; // bytes a send; 0: all at once
    unsigned pause_ms = 20;
    int buffer = 0; // packets; 0: the library's defaults
    FILE *requests = nullptr;
};

[[noreturn]] static void die_udt(const char *what)
{
    fprintf(stderr, "plain_server: %s: %s\n", what, UDT::getlasterror_desc());
    _exit(1);
}

static std::string answer_with(const std::string &body)
{
    return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

static bool have_buffers(UDTSOCKET u, int packets)
{
    int bytes = packets * 1472; // UDT counts packets of its MSS without UDP's headers
    return UDT::setsockopt(u, 0, UDT_FC, &packets, sizeof packets) != UDT::ERROR &&
           UDT::setsockopt(u, 0, UDT_RCVBUF, &bytes, sizeof bytes) != UDT::ERROR &&
           UDT::setsockopt(u, 0, UDT_SNDBUF, &bytes, sizeof bytes) != UDT::ERROR;
}

static UDTSOCKET listen_on(const script &s, sockaddr_in &local)
{
    int len = sizeof local;
    UDTSOCKET u = UDT::socket(AF_INET, SOCK_STREAM, 0);
    local = {};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    local.sin_port = htons(s.port);
    if (u == UDT::INVALID_SOCK || (s.buffer > 0 && !have_buffers(u, s.buffer)) ||
        UDT::bind(u, reinterpret_cast<sockaddr *>(&local), len) == UDT::ERROR ||
        UDT::listen(u, s.refuse ? 1 : 1024) == UDT::ERROR)
        die_udt("cannot listen");
    UDT::getsockname(u, reinterpret_cast<sockaddr *>(&local), &len);
    return u;
}

// Sends the answer as the script says. False: the connection is to be closed.
static bool answer(const script &s, UDTSOCKET u)
{
    size_t end = std::min(s.limit, s.reply.size());
    for (size_t sent = 0; sent < end;) {
        size_t step = s.split ? std::min(s.split, end - sent) : end - sent;
        int n = UDT::send(u, s.reply.data() + sent, static_cast<int>(step), 0);
        if (n == UDT::ERROR)
            return false;
        sent += static_cast<size_t>(n);
        if (s.split && sent < end)
            usleep(s.pause_ms * 1000);
    }
    return !s.close_at_limit;
}

// Takes what has come from one peer. False: the connection is to be closed.
static bool serve(const script &s, UDTSOCKET u, std::string &request)
{
    char bytes[4096];
    int n = UDT::recv(u, bytes, sizeof bytes, 0);
    if (n == UDT::ERROR)
        return false;
    request.append(bytes, static_cast<size_t>(n));
    for (size_t end; (end = request.find("\r\n\r\n")) != std::string::npos; request.erase(0, end + 4)) {
        if (s.requests) {
            fwrite(request.data(), 1, end + 4, s.requests);
            fflush(s.requests);
        }
        if (!answer(s, u))
            return false;
    }
    return request.size() <= request_max;
}

static void run(const script &s, UDTSOCKET listener)
{
    std::map<UDTSOCKET, std::string> peers; // with the bytes of an unfinished request
    int epoll = UDT::epoll_create(), events = UDT_EPOLL_IN;
    UDT::epoll_add_usock(epoll, listener, &events);
    auto drop = [&](UDTSOCKET u) {
        UDT::epoll_remove_usock(epoll, u);
        UDT::close(u);
        peers.erase(u);
    };
    for (;;) {
        std::set<UDTSOCKET> readable;
        UDT::epoll_wait(epoll, &readable, nullptr, sweep_ms);
        for (UDTSOCKET u : readable) {
            if (u == listener) {
                UDTSOCKET peer = UDT::accept(listener, nullptr, nullptr);
                if (peer == UDT::INVALID_SOCK)
                    continue;
                peers[peer];
                UDT::epoll_add_usock(epoll, peer, &events);
            } else if (peers.count(u) && !serve(s, u, peers[u])) {
                drop(u);
            }
        }
        if (readable.empty())
            for (auto i = peers.begin(); i != peers.end();) {
                UDTSOCKET u = (i++)->first;
                if (UDT::getsockstate(u) != CONNECTED)
                    drop(u);
            }
    }
}

[[noreturn]] static void refuse_everybody(const sockaddr_in &local)
{
    UDTSOCKET u = UDT::socket(AF_INET, SOCK_STREAM, 0);
    if (UDT::connect(u, reinterpret_cast<const sockaddr *>(&local), sizeof local) == UDT::ERROR)
        die_udt("cannot fill the backlog");
    printf("refusing\n");
    fflush(stdout);
    for (;;)
        pause();
}

static bool read_file(const char *name, std::string &out)
{
    std::ifstream file(name, std::ios::binary);
    out.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    return file.good() || file.eof();
}

static bool parse(int argc, char **argv, script &s)
{
    static const option options[] = {
        {"port", required_argument, nullptr, 'p'},       {"body", required_argument, nullptr, 'b'},
        {"reply", required_argument, nullptr, 'r'},      {"split", required_argument, nullptr, 's'},
        {"pause", required_argument, nullptr, 'm'},      {"close-after", required_argument, nullptr, 'c'},
        {"hold-after", required_argument, nullptr, 'h'}, {"silent", no_argument, nullptr, 'q'},
        {"refuse", no_argument, nullptr, 'f'},           {"buffer", required_argument, nullptr, 'k'},
        {"requests", required_argument, nullptr, 'l'},   {nullptr, 0, nullptr, 0},
    };
    s.reply = answer_with("hello\n");
    for (int c; (c = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
        const char *value = optarg ? optarg : "";
        unsigned long number = strtoul(value, nullptr, 10);
        bool good = true;
        switch (c) {
        case 'p':
            s.port = static_cast<uint16_t>(number);
            break;
        case 'b':
            s.reply = answer_with(value);
            break;
        case 'r':
            good = read_file(value, s.reply);
            break;
        case 's':
            s.split = number;
            break;
        case 'm':
            s.pause_ms = static_cast<unsigned>(number);
            break;
        case 'c':
            s.close_at_limit = true;
            s.limit = number;
            break;
        case 'h':
        case 'q':
            s.limit = number;
            break;
        case 'f':
            s.refuse = true;
            break;
        case 'k':
            s.buffer = static_cast<int>(number);
            break;
        case 'l':
            good = (s.requests = fopen(value, "ab")) != nullptr;
            break;
        default:
            good = false;
        }
        if (!good)
            return false;
    }
    return optind == argc;
}

int main(int argc, char **argv)
{
    script s;
    sockaddr_in local;
    if (!parse(argc, argv, s)) {
        fputs("usage: plain_server [OPTION...] (they are listed at the head of plain_server.cc)\n", stderr);
        return 2;
    }
    UDT::startup();
    UDTSOCKET listener = listen_on(s, local);
    printf("listening on 127.0.0.1:%d\n", ntohs(local.sin_port));
    fflush(stdout);
    if (s.refuse)
        refuse_everybody(local);
    run(s, listener);
    return 0; // never
}
