/* shim/udt/private.h: the way to private members of UDT's classes, whose headers Debian installs. An explicit
 * instantiation may name them ([temp.spec], paragraph 6), and the compiler checks their types. C++.
 *
 *   OPENS(tag, int CUDT::*);
 *   template struct opened<tag, &CUDT::m_iMember>;      then: u->*member_of(tag()) */
#ifndef HX_SHIM_UDT_PRIVATE_H
#define HX_SHIM_UDT_PRIVATE_H

#define OPENS(tag, ...)             \
    struct tag {                    \
        typedef __VA_ARGS__ type;   \
        friend type member_of(tag); \
    }

namespace
{
template <typename Tag, typename Tag::type member> struct opened {
    friend typename Tag::type member_of(Tag)
    {
        return member;
    }
};
} // namespace

#endif
