// A stock UDT4 client: <udt/udt.h>, the shared library and its defaults (blocking sockets, IPv4), nothing of
// hx. It does what the nameserver's specification tells H1 ("bind") and H2 ("connect"), and no more.
//
//   stock_client [OPTION...] bind HOST PORT NAME
//   stock_client [OPTION...] connect HOST PORT NAME [--send TEXT | --bytes N]
//
// Standard output gets every byte that S sends, and only those. Standard error tells what was done:
// "local PORT" and "self IP:PORT" (as its UDT has been told), "peer NAME IP:PORT" for each part,
// "punched IP:PORT", "line TEXT" for the line that was exchanged with the other host. H1 sends the line back, H2 checks that it comes back. Exit 0 if all went
// well, 1 if not, 2 on bad usage, and death by SIGALRM at the deadline.
//
//   --bytes N           instead of a line N bytes, of which byte i is i modulo 251; "bytes N" tells that all
//                       have come back, or that all were sent back
//   --deadline SECONDS  30 by default
//   --mss, --fc, --rcvbuf, --sndbuf N   UDT's options of that name, for both of its sockets
#include <arpa/inet.h>
#include <netdb.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <udt/udt.h>
#include <vector>

static const char delimiter[] = "--hx_hole_punching\r\n";
static const unsigned default_deadline_s = 30;
static const size_t answer_max =
    65536; // bytes of S's answer that are looked at; the specification's has some 200
static const size_t line_max = 4096;
static const size_t chunk = 65536;
// UDT acknowledges each 10 ms what has come, but not when it closes: the other side would not know of the last bytes.
static const unsigned ack_us = 50000;

struct command {
    bool bind;
    const char *host, *port, *name;
    std::string text;
    unsigned deadline_s;
    size_t bytes;                // 0: a line
    int mss, fc, rcvbuf, sndbuf; // 0: the library's default
};

struct part {
    std::string name;
    sockaddr_in peer;
};

[[noreturn]] static void die(const std::string &what)
{
    fprintf(stderr, "stock_client: %s\n", what.c_str());
    _exit(1); // UDT's own threads may be anywhere
}

[[noreturn]] static void die_udt(const std::string &what)
{
    die(what + ": " + UDT::getlasterror_desc());
}

static std::string text_of(const sockaddr_in &a)
{
    char ip[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &a.sin_addr, ip, sizeof ip);
    return std::string(ip) + ":" + std::to_string(ntohs(a.sin_port));
}

static sockaddr_in resolve(const char *host, const char *port)
{
    addrinfo hints = {}, *found = nullptr;
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_DGRAM;
    int err = getaddrinfo(host, port, &hints, &found);
    if (err != 0)
        die(std::string(host) + ":" + port + ": " + gai_strerror(err));
    sockaddr_in address;
    memcpy(&address, found->ai_addr, sizeof address);
    freeaddrinfo(found);
    return address;
}

static void set(UDTSOCKET u, UDT::SOCKOPT option, const char *name, int value)
{
    if (value && UDT::setsockopt(u, 0, option, &value, sizeof value) == UDT::ERROR)
        die_udt(name);
}

static UDTSOCKET new_socket(const command &c, const sockaddr_in &local, bool rendezvous)
{
    UDTSOCKET u = UDT::socket(AF_INET, SOCK_STREAM, 0);
    if (u == UDT::INVALID_SOCK)
        die_udt("socket");
    set(u, UDT_MSS, "UDT_MSS", c.mss); // the buffers are counted in packets of it, and bounded by UDT_FC
    set(u, UDT_FC, "UDT_FC", c.fc);
    set(u, UDT_RCVBUF, "UDT_RCVBUF", c.rcvbuf);
    set(u, UDT_SNDBUF, "UDT_SNDBUF", c.sndbuf);
    if (rendezvous && UDT::setsockopt(u, 0, UDT_RENDEZVOUS, &rendezvous, sizeof rendezvous) == UDT::ERROR)
        die_udt("UDT_RENDEZVOUS");
    if (UDT::bind(u, reinterpret_cast<const sockaddr *>(&local), sizeof local) == UDT::ERROR)
        die_udt("bind " + text_of(local));
    return u;
}

static void connect_to(UDTSOCKET u, const sockaddr_in &peer)
{
    if (UDT::connect(u, reinterpret_cast<const sockaddr *>(&peer), sizeof peer) == UDT::ERROR)
        die_udt("connect to " + text_of(peer));
}

static void send_all(UDTSOCKET u, const std::string &bytes)
{
    for (size_t sent = 0; sent < bytes.size();) {
        int n = UDT::send(u, bytes.data() + sent, static_cast<int>(bytes.size() - sent), 0);
        if (n == UDT::ERROR)
            die_udt("send");
        sent += static_cast<size_t>(n);
    }
}

// Reads some bytes of S's answer, shows them, and appends them to `answer`.
static void read_answer(UDTSOCKET u, std::string &answer)
{
    char bytes[2048];
    int n = UDT::recv(u, bytes, sizeof bytes, 0);
    if (n == UDT::ERROR)
        die_udt("S ended the connection");
    if (fwrite(bytes, 1, static_cast<size_t>(n), stdout) != static_cast<size_t>(n) || fflush(stdout) != 0)
        die("cannot write to standard output");
    answer.append(bytes, static_cast<size_t>(n));
    if (answer.size() > answer_max)
        die("S sends too much");
}

// The part at `from`, if all of it is there: delimiter, "NAME: IP:PORT", empty line.
static bool parse_part(const std::string &answer, size_t &from, part &out)
{
    size_t start = answer.find(delimiter, from);
    if (start == std::string::npos)
        return false;
    start += strlen(delimiter);
    size_t end = answer.find("\r\n\r\n", start);
    if (end == std::string::npos)
        return false;
    from = end + 4;
    std::string line = answer.substr(start, end - start);
    size_t blank = line.rfind(": "), colon = line.rfind(':');
    out.peer = {};
    out.peer.sin_family = AF_INET;
    if (blank == std::string::npos || colon == blank ||
        inet_pton(AF_INET, line.substr(blank + 2, colon - blank - 2).c_str(), &out.peer.sin_addr) != 1)
        die("not a part: " + line);
    out.peer.sin_port = htons(static_cast<uint16_t>(atoi(line.c_str() + colon + 1)));
    out.name = line.substr(0, blank);
    fprintf(stderr, "peer %s %s\n", out.name.c_str(), text_of(out.peer).c_str());
    return true;
}

// Reads S's answer until it holds `count` parts; returns the first: whom to meet.
static part await_parts(UDTSOCKET u, int count)
{
    std::string answer;
    size_t from = 0;
    part first, next;
    while (answer.find("\r\n\r\n") == std::string::npos)
        read_answer(u, answer);
    if (answer.compare(0, 17, "HTTP/1.1 200 OK\r\n") != 0)
        die("S refuses");
    from = answer.find("\r\n\r\n") + 4;
    for (int seen = 0; seen < count;) {
        if (!parse_part(answer, from, next)) {
            read_answer(u, answer);
            continue;
        }
        if (seen++ == 0)
            first = next;
    }
    return first;
}

static std::string recv_line(UDTSOCKET u)
{
    std::string line;
    while (line.find('\n') == std::string::npos && line.size() < line_max) {
        char bytes[256];
        int n = UDT::recv(u, bytes, sizeof bytes, 0);
        if (n == UDT::ERROR)
            die_udt("no line came from the other host");
        line.append(bytes, static_cast<size_t>(n));
    }
    fprintf(stderr, "line %s", line.c_str());
    return line;
}

static char byte_at(size_t i)
{
    return static_cast<char>(i % 251);
}

static size_t recv_some(UDTSOCKET u, std::vector<char> &bytes)
{
    int n = UDT::recv(u, bytes.data(), static_cast<int>(bytes.size()), 0);
    if (n == UDT::ERROR)
        die_udt("the other host sends no more");
    return static_cast<size_t>(n);
}

static void send_back(UDTSOCKET u, size_t count)
{
    std::vector<char> bytes(chunk);
    for (size_t done = 0; done < count;) {
        size_t n = recv_some(u, bytes);
        send_all(u, std::string(bytes.data(), n));
        done += n;
    }
}

// Sends while it reads: neither side's buffers need to hold all of it.
static void exchange(UDTSOCKET u, size_t count)
{
    std::string all(count, '\0');
    for (size_t i = 0; i < count; i++)
        all[i] = byte_at(i);
    std::thread sender(send_all, u, all);
    std::vector<char> bytes(chunk);
    for (size_t done = 0; done < count;) {
        size_t n = recv_some(u, bytes);
        for (size_t i = 0; i < n; i++)
            if (done + i >= count || bytes[i] != byte_at(done + i))
                die("byte " + std::to_string(done + i) + " came back changed");
        done += n;
    }
    sender.join();
}

static void exchange_line(UDTSOCKET u, const command &c)
{
    if (c.bind) {
        send_all(u, recv_line(u));
        return;
    }
    send_all(u, c.text + "\n");
    if (recv_line(u) != c.text + "\n")
        die("the line came back changed");
}

static void run(const command &c)
{
    sockaddr_in local = {};
    local.sin_family = AF_INET;
    UDTSOCKET to_s = new_socket(c, local, false);
    connect_to(to_s, resolve(c.host, c.port));
    int len = sizeof local;
    UDT::getsockname(to_s, reinterpret_cast<sockaddr *>(&local), &len);
    fprintf(stderr, "local %d\nself %s\n", ntohs(local.sin_port), text_of(local).c_str());
    local.sin_addr.s_addr =
        0; // the next socket is bound as this one is: another address would be another UDP socket
    send_all(to_s, std::string("GET /") + (c.bind ? "bind" : "connect") + "?host_id=" + c.name +
                       " HTTP/1.1\r\n\r\n");

    // H2 is shown its own address in a second part (2.3 of the specification); whom to meet is in the first.
    part met = await_parts(to_s, c.bind ? 1 : 2);
    UDTSOCKET hole = new_socket(c, local, true);
    connect_to(hole, met.peer);
    fprintf(stderr, "punched %s\n", text_of(met.peer).c_str());
    if (c.bytes) {
        (c.bind ? send_back : exchange)(hole, c.bytes);
        usleep(ack_us);
        fprintf(stderr, "bytes %zu\n", c.bytes);
    } else {
        exchange_line(hole, c);
    }
    UDT::close(hole); // lingers until what was sent has arrived: the library's default
    UDT::close(to_s);
}

// False: no option of that name.
static bool parse_option(const std::string &name, const char *value, command &c)
{
    static int command::*const numbers[] = {&command::mss, &command::fc, &command::rcvbuf, &command::sndbuf};
    static const char *const names[] = {"--mss", "--fc", "--rcvbuf", "--sndbuf"};
    for (int i = 0; i < 4; i++) {
        if (name == names[i]) {
            c.*numbers[i] = atoi(value);
            return true;
        }
    }
    if (name == "--send")
        c.text = value;
    else if (name == "--bytes")
        c.bytes = strtoul(value, nullptr, 10);
    else if (name == "--deadline")
        c.deadline_s = static_cast<unsigned>(atoi(value));
    else
        return false;
    return true;
}

static bool parse_command(int argc, char **argv, command &c)
{
    const char *words[4] = {};
    int count = 0;
    c = {};
    c.text = "hello through the hole";
    c.deadline_s = default_deadline_s;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            if (i + 1 == argc || !parse_option(argv[i], argv[i + 1], c))
                return false;
            i++;
        } else if (count < 4) {
            words[count++] = argv[i];
        } else {
            return false;
        }
    }
    if (count != 4 || (strcmp(words[0], "bind") != 0 && strcmp(words[0], "connect") != 0))
        return false;
    c.bind = strcmp(words[0], "bind") == 0;
    c.host = words[1];
    c.port = words[2];
    c.name = words[3];
    return true;
}

int main(int argc, char **argv)
{
    command c;
    if (!parse_command(argc, argv, c)) {
        fputs("usage: stock_client [OPTION...] bind|connect HOST PORT NAME (see the head of its source)\n",
              stderr);
        return 2;
    }
    alarm(c.deadline_s);
    UDT::startup();
    run(c);
    UDT::cleanup();
    return 0;
}
