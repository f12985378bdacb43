# hx: a UDT hole-punching nameserver. `make help` lists the targets; README.md tells the story.
VERSION    := 0.1.0
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
B          ?= build/release

CC         ?= cc
CXX        ?= c++
CFLAGS     ?= -O2 -g
CXXFLAGS   ?= $(CFLAGS)
# Ours, whatever the packager sets in CFLAGS.
OURS       := -D_GNU_SOURCE -I. -DHX_VERSION='"$(VERSION)"' -Wall -Wextra -Werror -fvisibility=hidden -fPIC -pthread \
              -MMD -MP
STD        := -std=gnu11 $(OURS) -Wstrict-prototypes -Wmissing-prototypes
STDXX      := -std=gnu++17 $(OURS)

# UDT's threads take and send every datagram through shim/wire (DESIGN section 4.1).
WRAP       := -Wl,--wrap=recvmsg,--wrap=sendmsg
UDT_LIBS   := $(WRAP) -l:libudt.a -lstdc++ -lpthread -lm
LIBS       := $(UDT_LIBS) -lhttp_parser -luriparser
CMOCKA     := -lcmocka
# The newest of each kind is found by its name: a file put into a room is built.
objs        = $(patsubst %,$(B)/%.o,$(basename $(foreach d,$(1),$(wildcard $(d)/*.c $(d)/*.cc))))
tests       = $(patsubst test/$(1)/%.c,$(B)/test/$(1)/%,$(wildcard test/$(1)/$(2)_*.c))
HX_MAIN    := main args cmd_bind cmd_connect pump ui
ROOMS      := $(B)/libserver.a $(B)/libclient.a $(B)/libshim.a $(B)/libproto.a
UNIT       := $(call tests,unit,test)
FUZZ       := $(call tests,fuzz,fuzz)
PROGRAMS   := $(B)/hx-nameserver $(B)/hx $(B)/udtcurl

all: $(PROGRAMS) $(B)/libhx.a $(B)/libhx.so.0 ## build everything

$(B)/hx-nameserver: $(B)/server/main.o $(ROOMS) ; $(CC) $(LDFLAGS) -o $@ $^ -linih $(LIBS)
$(B)/hx: $(patsubst %,$(B)/client/%.o,$(HX_MAIN)) $(ROOMS) ; $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/udtcurl: $(call objs,test/udtcurl) $(B)/libshim.a $(B)/libproto.a ; $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/libproto.a: $(call objs,proto)
$(B)/libshim.a: $(call objs,shim)
$(B)/libserver.a: $(filter-out $(B)/server/main.o,$(call objs,server))
$(B)/libclient.a: $(filter-out $(patsubst %,$(B)/client/%.o,$(HX_MAIN)),$(call objs,client))
$(B)/%.a: ; @mkdir -p $(@D); rm -f $@; ar rcs $@ $^

$(B)/test/unit/%: $(B)/test/unit/%.o $(B)/test/fake_stream.o $(ROOMS)
	$(CC) $(LDFLAGS) -o $@ $^ $(CMOCKA) -linih $(LIBS)
$(B)/test/fuzz/%: $(B)/test/fuzz/%.o $(B)/libshim.a $(B)/libproto.a ; $(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

$(B)/%.o: %.c ; @mkdir -p $(@D); $(CC) $(STD) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<
$(B)/%.o: %.cc ; @mkdir -p $(@D); $(CXX) $(STDXX) $(CXXFLAGS) $(CPPFLAGS) -c -o $@ $<

unit: $(UNIT)

clean: ; rm -rf build

.PHONY: all unit clean
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
