/* CSndBuffer's beginning and its cutting.
 *
 * It begins with room for 32 packets of 1356 bytes in each connection, and grows by itself. Most of a
 * listener's connections never have two packets to send at a time.
 *
 * It cuts what is written into packets of the connection's MSS. That is agreed once, in the handshake, but
 * what the path takes is found out later, and changes: here each write is cut as its stream says. A
 * receiver takes packets of any length. */
#include "shim/udt/idle_suspension.h"
#include "shim/udt/overrides.h"
#include "shim/udt/private.h"
#include <udt/udt.h>
/* buffer.h needs the above */
#include <udt/buffer.h>

namespace
{
constexpr int FIRST_BLOCKS = 2;

typedef void (CSndBuffer::*grow_type)();
OPENS(block_bytes, int CSndBuffer::*);
OPENS(block_count, int CSndBuffer::*);
OPENS(blocks_used, int CSndBuffer::*);
OPENS(grow, grow_type);
template struct opened<block_bytes, &CSndBuffer::m_iMSS>;
template struct opened<block_count, &CSndBuffer::m_iSize>;
template struct opened<blocks_used, &CSndBuffer::m_iCount>;
template struct opened<grow, &CSndBuffer::increase>;

thread_local int cut_bytes; /* of this thread's next write; 0: as the MSS has it */
} // namespace

const bool override_send_buffer = true;

thread_local struct udt_last_write udt_last_write;

void udt_cut_writes(int bytes)
{
    cut_bytes = bytes;
}

extern "C" {
void __real__ZN10CSndBufferC1Eii(CSndBuffer *b, int size, int mss);
void __wrap__ZN10CSndBufferC1Eii(CSndBuffer *b, int size, int mss);
void __real__ZN10CSndBuffer9addBufferEPKciib(CSndBuffer *b, const char *data, int len, int ttl, bool order);
void __wrap__ZN10CSndBuffer9addBufferEPKciib(CSndBuffer *b, const char *data, int len, int ttl, bool order);

void __wrap__ZN10CSndBufferC1Eii(CSndBuffer *b, int size, int mss)
{
    __real__ZN10CSndBufferC1Eii(b, suspension_thread_listens() ? FIRST_BLOCKS : size, mss);
}

/* UDT's own cuts by the number that the room of new blocks is made from, too: those it makes have
 * to be there before. One thread at a time writes (m_SendLock). */
void __wrap__ZN10CSndBuffer9addBufferEPKciib(CSndBuffer *b, const char *data, int len, int ttl, bool order)
{
    int &bytes = b->*member_of(block_bytes());
    int full = bytes;
    int cut = cut_bytes > 0 && cut_bytes < full ? cut_bytes : full;

    udt_last_write.packets = (len + cut - 1) / cut;
    while (udt_last_write.packets + b->*member_of(blocks_used()) >= b->*member_of(block_count()))
        (b->*member_of(grow()))();
    bytes = cut;
    __real__ZN10CSndBuffer9addBufferEPKciib(b, data, len, ttl, order);
    bytes = full;
}
}
