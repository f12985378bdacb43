/* shim/udt/overrides.h: functions of libudt.a that ours stand in for, one file each (override_*.cc). Most
 * are reached with --wrap (WRAP in the Makefile), which catches a call from another member of the archive
 * than the one that defines the function; two files stand in for a whole member of the archive. The
 * linker looks into libudt.a last, when it would not go back for them: so each has a name that
 * udt_port.cc asks for. C++. */
#ifndef HX_SHIM_UDT_OVERRIDES_H
#define HX_SHIM_UDT_OVERRIDES_H

#include <cstdint>

#define OVERRIDE_MAP(X) \
    X(ack_window)       \
    X(check_timers)     \
    X(common)           \
    X(connector)        \
    X(cookie)           \
    X(loss_lists)       \
    X(pack_data)        \
    X(peer_cache)       \
    X(process_ctrl)     \
    X(process_data)     \
    X(random)           \
    X(receive_queue)    \
    X(send_buffer)      \
    X(send_list)        \
    X(socket_ids)       \
    X(timer)            \
    X(wait)

#define OVERRIDE_DECLARE(name) extern const bool override_##name;
OVERRIDE_MAP(OVERRIDE_DECLARE)
#undef OVERRIDE_DECLARE

/* True; a program without one of them does not link. */
inline bool overrides_linked()
{
#define OVERRIDE_LINKED(name) override_##name &&
    return OVERRIDE_MAP(OVERRIDE_LINKED) true;
#undef OVERRIDE_LINKED
}

/* override_send_buffer.cc: into pieces of how many bytes this thread's writes are cut; 0, or more than the
 * MSS allows: as that has it. */
void udt_cut_writes(int bytes);
/* What this thread's last write has become: packets (override_send_buffer.cc), and the time between two that
 * leave (override_send_list.cc, where UDT says that there is something to send). */
struct udt_last_write {
    int packets;
    uint64_t period_ns;
};
extern thread_local struct udt_last_write udt_last_write;
/* override_receive_queue.cc: whether the port that is opened next will have many connections. */
void udt_expect_many(bool expected);

#endif
