/* shim/udt/give_back.h: the memory of UDT's buffers, which grow with what a path needs, up to 64 MB each way,
 * and which UDT keeps until the connection, or its port, ends. C++. */
#ifndef HX_SHIM_UDT_GIVE_BACK_H
#define HX_SHIM_UDT_GIVE_BACK_H

class CUDT;

/* From UDT's worker: if nothing of `u` is on its way and it has been idle for a while, the pages behind its
 * buffers are the system's again. The buffers stay as large as they are: what is written to them next has new
 * pages. */
void give_back(CUDT *u);

#endif
