// Bytes over UDT4 as the library's manual sends them: default options, one send loop, one recv loop. The
// baseline of the bulk rows of `make bench`.
//
//   plain_bulk take [ADDRESS [SECONDS]] prints "listening on ADDRESS:PORT", takes one connection to its end,
//                                       prints bytes, seconds from the first byte to the last, and its own CPU
//                                       seconds. With SECONDS it ends so long after the first byte, and prints
//                                       meanwhile "TIME BYTES" so far, as test/bench/bench_path does
//   plain_bulk give ADDRESS PORT BYTES  sends so many and waits until they are taken; prints its CPU seconds
#include <arpa/inet.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <udt/udt.h>
#include <vector>

static const int chunk = 65536;

[[noreturn]] static void die(const char *what)
{
    fprintf(stderr, "plain_bulk: %s: %s\n", what, UDT::getlasterror_desc());
    _exit(1);
}

static sockaddr_in address_of(const char *text, uint16_t port)
{
    sockaddr_in a = {};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
        fprintf(stderr, "plain_bulk: '%s' is no IPv4 address\n", text);
        _exit(2);
    }
    return a;
}

static double cpu_seconds()
{
    rusage u = {};
    getrusage(RUSAGE_SELF, &u);
    return double(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           double(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static std::atomic<long long> total{0};

static double now_s()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// In a thread of its own: UDT::recv() waits for as long as nothing comes.
static void tell(double seconds)
{
    while (total == 0)
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    double begin = now_s(), at = begin;
    for (printf("%.6f 0\n", begin); at < begin + seconds; fflush(stdout)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        at = now_s();
        printf("%.6f %lld\n", at, total.load());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(150)); // for who watches this process
    _exit(0);
}

static void take(const char *text, double seconds)
{
    std::vector<char> buffer(chunk);
    sockaddr_in a = address_of(text, 0);
    int len = sizeof a;
    UDTSOCKET listener = UDT::socket(AF_INET, SOCK_STREAM, 0);

    if (UDT::bind(listener, reinterpret_cast<sockaddr *>(&a), len) == UDT::ERROR ||
        UDT::listen(listener, 1) == UDT::ERROR ||
        UDT::getsockname(listener, reinterpret_cast<sockaddr *>(&a), &len) == UDT::ERROR)
        die("cannot listen");
    printf("listening on %s:%d\n", text, ntohs(a.sin_port));
    fflush(stdout);
    UDTSOCKET u = UDT::accept(listener, nullptr, nullptr);
    if (u == UDT::INVALID_SOCK)
        die("cannot accept");
    if (seconds > 0)
        std::thread(tell, seconds).detach();
    auto begin = std::chrono::steady_clock::now();
    auto end = begin;
    for (int got; (got = UDT::recv(u, buffer.data(), chunk, 0)) > 0; total += got) {
        end = std::chrono::steady_clock::now();
        if (total == 0)
            begin = end;
    }
    printf("bytes=%lld seconds=%.4f cpu=%.3f\n", total.load(),
           std::chrono::duration<double>(end - begin).count(), cpu_seconds());
}

static void give(const char *text, uint16_t port, long long bytes)
{
    std::vector<char> buffer(chunk, 'x');
    sockaddr_in a = address_of(text, port);
    linger all = {1, 120};
    UDTSOCKET u = UDT::socket(AF_INET, SOCK_STREAM, 0);

    UDT::setsockopt(u, 0, UDT_LINGER, &all, sizeof all);
    if (UDT::connect(u, reinterpret_cast<sockaddr *>(&a), sizeof a) == UDT::ERROR)
        die("cannot connect");
    while (bytes > 0) {
        int put = UDT::send(u, buffer.data(), bytes < chunk ? int(bytes) : chunk, 0);
        if (put <= 0)
            die("cannot send");
        bytes -= put;
    }
    UDT::close(u);
    printf("cpu=%.3f\n", cpu_seconds());
}

int main(int argc, char **argv)
{
    std::string what = argc > 1 ? argv[1] : "";

    UDT::startup();
    if (what == "take" && argc <= 4) {
        take(argc >= 3 ? argv[2] : "127.0.0.1", argc == 4 ? atof(argv[3]) : 0);
    } else if (what == "give" && argc == 5) {
        give(argv[2], uint16_t(atoi(argv[3])), atoll(argv[4]));
    } else {
        fprintf(stderr, "usage: plain_bulk take [ADDRESS [SECONDS]] | give ADDRESS PORT BYTES\n");
        return 2;
    }
    fflush(stdout);
    _exit(0); // UDT's clean-up takes seconds
}
