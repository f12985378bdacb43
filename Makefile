# hx: a UDT hole-punching nameserver. `make help` lists the targets; README.md tells the story.
VERSION    := 0.1.0
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
MANDIR     ?= $(PREFIX)/share/man
UNITDIR    ?= $(PREFIX)/lib/systemd/system
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions
B          ?= build/release

CC         ?= cc
CXX        ?= c++
PYTHON     ?= python3
CFLAGS     ?= -O2 -g
CXXFLAGS   ?= $(CFLAGS)
# What the sanitizers' builds are made with. One serves tests and fuzzers. vptr and function have no class of ours to check. With
# the runtime of C++ a leak tells which function of UDT's has allocated it. GNU's linker alone took a third of their time.
SAN        := -fsanitize=address,undefined -fno-sanitize=vptr,function -fno-sanitize-recover=undefined
ASAN       := B=build/asan CC=clang CXX=clang++ LDFLAGS="$(SAN) -fsanitize-link-c++-runtime -fuse-ld=lld" \
              CFLAGS="-O1 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link $(SAN)"
# gcc's: it names the library's functions in a report, without frame pointers, too, and test/tsan.supp goes by those.
TSAN_UNITS := test/unit/test_udt.c test/unit/test_udt_*.c test/unit/test_agent.c test/unit/test_agent_relay.c \
              test/unit/test_client_paths.c
TSAN       := B=build/tsan LDFLAGS=-fsanitize=thread CFLAGS="-O1 -g1 -fsanitize=thread"
# Ours, whatever the packager sets in CFLAGS.
OURS       := -D_GNU_SOURCE -I. -DHX_VERSION='"$(VERSION)"' -Wall -Wextra -Werror -fvisibility=hidden -fPIC -pthread \
              -MMD -MP
STD        := -std=gnu11 $(OURS) -Wstrict-prototypes -Wmissing-prototypes
STDXX      := -std=gnu++17 $(OURS)

comma      := ,
# UDT's threads take and send every datagram through shim/udt (tap.h).
WRAP       := -Wl,--wrap=recvmsg,--wrap=sendmsg,--wrap=pthread_cond_wait
WRAP       += -Wl,--wrap=gettimeofday,--wrap=pthread_cond_timedwait,--wrap=rand,--wrap=srand
# And some of its functions give way to ours (shim/udt/override_*.cc).
WRAP       += $(patsubst %,-Wl$(comma)--wrap=%,_ZN9CSndUList6updateEPK4CUDTb _ZN10CACKWindowC1Ei _ZN10CSndBufferC1Eii \
              _ZN10CSndBuffer9addBufferEPKciib _ZN4CUDT11processDataEP5CUnit _ZN4CUDT11processCtrlER7CPacket \
              _ZN4CUDT8packDataER7CPacketRm _ZN12CSndLossList10getLostSeqEv \
              _ZN12CSndLossListC1Ei _ZN12CRcvLossListC1Ei _ZN10CRcvBufferC1EP10CUnitQueuei _ZN10CRcvBufferD1Ev \
              _ZN9CRcvQueue4initEiiiiP8CChannelP6CTimer _ZN4CUDT11checkTimersEv \
              _ZN9CRcvQueue17registerConnectorERKiP4CUDTiPK8sockaddrm \
              _ZN10CUDTUnited13newConnectionEiPK8sockaddrP10CHandShake)
UDT_LIBS   := $(WRAP) -l:libudt.a -lstdc++ -lpthread -lm
LIBS       := $(UDT_LIBS) -lhttp_parser -lssl -lcrypto
# The library's and the client's: how a router is asked for a port mapping.
ROUTER     := -lnatpmp -lminiupnpc
# The nameserver's; a sanitizer has its own.
ALLOCATOR  := $(if $(findstring -fsanitize,$(CFLAGS) $(LDFLAGS)),,-ljemalloc)
SANITIZED  := $(findstring -fsanitize,$(CFLAGS))
# A file put into a room is built: rooms are found by their folders, tests by their names.
objs        = $(patsubst %,$(B)/%.o,$(basename $(foreach d,$(1),$(wildcard $(d)/*.c $(d)/*.cc))))
tests       = $(patsubst %.c,$(B)/%,$(wildcard test/$(1)/$(2)_*.c))
HX_MAIN    := $(B)/client/tool/main.o
NS_MAIN    := $(B)/server/main.o
LIBHX_OBJS := $(filter-out $(B)/client/example.o $(B)/base/task.o $(B)/secure/identity_verify.o,$(call objs,client secure shim/udt shim/net proto base))
BASE       := $(B)/libshim.a $(B)/libproto.a $(B)/libbase.a
SHIM_OBJS  := $(call objs,shim/udt shim/net)
UDT_OBJS   := $(patsubst %.cc,$(B)/%.o,$(wildcard shim/udt/*.cc))
# In the order of the includes: each uses what stands to its right.
ROOMS      := $(patsubst %,$(B)/lib%.a,udtcurl server tool files forward run mux client secure) $(BASE)
UNIT       := $(call tests,unit,test)
# Most of them are linked into one program, as linking one for each takes a minute of a processor. The others put
# functions of theirs in the place of the rooms' or of the system's.
ALONE      := $(patsubst %,$(B)/test/unit/test_%,client_again client_cancel client_check client_cleanup client_elsewhere client_group \
              client_group_news client_group_offers client_nameserver client_nat client_resolve clock conn_table dial \
              dial_proxy forward forward_reverse forward_socks forward_unix groups_memory link send_list share_put \
              udt_listen wakeups walk)
TOGETHER   := $(filter-out $(ALONE),$(UNIT))
FUZZ       := $(call tests,fuzz,fuzz)
BENCH      := $(call tests,bench,bench)
STOCK      := $(patsubst test/stock/%.cc,$(B)/test/stock/%,$(wildcard test/stock/*.cc))
HOSTILE    := $(patsubst %,$(B)/test/hostile/%,throw record fake_server fuzz_wire strangers dialect stun_flood relay_flood)
PROGRAMS   := $(B)/hx-nameserver $(B)/hx $(B)/udtcurl
LIBHX      := $(B)/libhx.a $(B)/libhx.so.0 $(B)/libhx.pc

DEBS       := gcc g++ make libc6-dev binutils libudt-dev libhttp-parser-dev liburiparser-dev libinih-dev uthash-dev \
              libssl-dev libnghttp2-dev libev-dev libjemalloc-dev libnatpmp-dev libminiupnpc-dev libqrencode-dev \
              libmicrohttpd-dev libsqlite3-dev libsodium-dev
DEBS_TEST  := python3 clang clang-tidy clang-format lld llvm cppcheck shellcheck libclang-rt-14-dev libcmocka-dev nftables iproute2 \
              procps util-linux man-db pkg-config systemd curl busybox socat ethtool openssl openssh-client libwrap0 \
              openssh-server=unpacked miniupnpd-nftables=unpacked libnftnl11 libmnl0 stun-client libevent-extra-2.1-7 coturn=unpacked libpcre2-8-0 nginx=unpacked tinyproxy-bin=unpacked \
              squid=unpacked squid-common=unpacked libecap3=unpacked libnfnetlink0=unpacked libltdl7=unpacked \
              libnetfilter-conntrack3=unpacked
# With their libraries: nothing of them is installed.
DEBS_TEST  += libmariadb3=unpacked libhiredis0.14=unpacked libpq5=unpacked libevent-openssl-2.1-7=unpacked \
              libevent-pthreads-2.1-7=unpacked
DEBS_TEST  += haproxy=unpacked liblua5.3-0=unpacked libopentracing-c-wrapper0=unpacked libopentracing1=unpacked
# Its promtool reads what /metrics says, and it scrapes.
DEBS_TEST  += prometheus=unpacked
DEBS_TEST  += iperf3 rsync mypy pyflakes3 zsh
# What UDP carries.
DEBS_TEST  += bind9-dnsutils dnsmasq-base=unpacked ngtcp2-client ngtcp2-server=unpacked wireguard-go wireguard-tools iputils-ping \
              python3-socks=unpacked
DEBS_GO    := golang-1.19-go
DEBS_NODE  := nodejs libnode-dev=unpacked libuv1-dev=unpacked
DEBS_TEST  += $(DEBS_GO) $(DEBS_NODE)
DEBS_PAGE  := chromium chromium-driver
DEBS_IMAGE := podman docker-compose mmdebstrap
DEBS_DEB   := mmdebstrap systemd-container

all: $(PROGRAMS) $(LIBHX) ## build the programs and the library
python: ; @$(PYTHON) bindings/python/build_wheel.py build/python ## build the Python package, a wheel without machine code

deps: ; @test/deps.sh $(DEBS) ## install what building needs (Debian 12)
deps-test: ; @test/deps.sh $(DEBS) $(DEBS_TEST) ## and what the tests need

go: $(LIBHX) ## the Go package's examples, in build/release/go
	@test/deps.sh $(DEBS_GO) && test/go.sh build -ldflags '-extldflags=-Wl,-rpath,$(abspath $(B))' -o $(abspath $(B))/go/ ./examples/...
node: $(LIBHX) ## the Node package with its addon, in build/release/node/hx
	@test/deps.sh $(DEBS_NODE) && rm -rf $(B)/node && mkdir -p $(B)/node && cp -r bindings/node $(B)/node/hx
	@NODE_INCLUDE=build/deb/usr/include/node CC="$(CC)" CFLAGS="-I$(abspath client)" \
	    LDFLAGS="-L$(abspath $(B)) -Wl,-rpath,$(abspath $(B))" $(B)/node/hx/build.sh
demo: deps-test ## two hosts behind two NATs meet and talk, shown step by step
	@$(MAKE) --no-print-directory -s -j2 all tools && test/natlab/demo.sh
check: deps-test ; @test/check.sh ## every test; ends with "N passed, N failed"
bench: deps-test ; @$(MAKE) --no-print-directory -s -j2 all tools bench-programs && test/bench/run && test/bench/bulk && test/bench/files && test/bench/grid && test/bench/python && test/bench/auth ## measure
natlab: deps-test ## who reaches whom through which NATs, without a relay and with one: tables of README.md; and groups
	@$(MAKE) --no-print-directory -s -j2 all tools && test/natlab/matrix && test/natlab/matrix --relay && test/natlab/groups.sh --long
image: deps-test ## build the image of packaging/ and try it; the first time some minutes; needs root
	@test/deps.sh $(DEBS_IMAGE) && $(MAKE) --no-print-directory -s -j2 all tools && test/image/prepare.sh && test/check.sh image
dist: ; @packaging/dist.sh build/dist $(VERSION) ## the sources as build/dist/hx-VERSION.tar.gz, the same bytes each time
deb: dist ## Debian's packages, in build/packages, and what is tried with them; the first time some minutes; needs root
	@test/deps.sh $(DEBS_DEB) && test/packages/run.sh
page: deps-test ## the nameserver's status page, in Chromium, which is installed
	@test/deps.sh $(DEBS_PAGE) && $(MAKE) --no-print-directory -s -j2 all tools && test/check.sh page
fuzz-wire: deps-test tools ## ten minutes of mutated datagrams against the nameserver under a sanitizer
	@$(MAKE) --no-print-directory -s -j2 $(ASAN) programs tools
	@test/hostile/fuzz_wire.sh --seconds 600
format: ; clang-format -i $(SOURCES) ## lay out the code

$(B)/hx-nameserver: $(NS_MAIN) $(B)/libserver.a $(B)/libsecure.a $(BASE)
	$(CC) $(LDFLAGS) -o $@ $^ -linih -lev -lmicrohttpd -lsqlite3 -lsodium $(ALLOCATOR) $(LIBS)
$(B)/hx: $(HX_MAIN) $(patsubst %,$(B)/lib%.a,tool files forward run mux client secure) $(BASE)
	$(CC) $(LDFLAGS) -o $@ $^ -linih -lnghttp2 -lev -lqrencode $(ROUTER) $(LIBS)
$(B)/udtcurl: $(call objs,test/udtcurl) $(B)/libsecure.a $(BASE) ; $(CC) $(LDFLAGS) -o $@ $^ -luriparser $(LIBS)

$(B)/libbase.a: $(call objs,base)
$(B)/libproto.a: $(call objs,proto)
$(B)/libshim.a: $(if $(SANITIZED),$(filter-out $(UDT_OBJS),$(SHIM_OBJS)) $(B)/shim/udt_together.o,$(SHIM_OBJS))
$(B)/libserver.a: $(filter-out $(NS_MAIN),$(call objs,server server/admin)) $(B)/server/admin/page_files.o
# The status page is in the program.
PAGE       := $(wildcard server/admin/page/*)
$(B)/server/admin/page_files.c: server/admin/embed.sh $(PAGE) ; @mkdir -p $(@D); $^ >$@.new && mv $@.new $@
$(B)/server/admin/page_files.o: $(B)/server/admin/page_files.c ; $(CC) $(STD) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<
$(B)/libsecure.a: $(call objs,secure)
$(B)/libclient.a: $(filter-out $(B)/client/example.o,$(call objs,client))
$(B)/libmux.a: $(call objs,client/mux)
$(B)/libforward.a: $(call objs,client/forward)
$(B)/librun.a: $(call objs,client/run)
$(B)/libfiles.a: $(call objs,client/files)
$(B)/libtool.a: $(filter-out $(HX_MAIN),$(call objs,client/tool))
$(B)/libudtcurl.a: $(filter-out $(B)/test/udtcurl/main.o,$(call objs,test/udtcurl))
$(B)/lib%.a: ; @mkdir -p $(@D); rm -f $@; ar rcs $@ $^

# One object with UDT inside and only hx_* outside: who links libhx.a needs no --wrap and clashes with no other UDT.
$(B)/libhx.a: $(LIBHX_OBJS)
	$(CC) -r -nostdlib $(WRAP) -o $(B)/libhx.o $^ -l:libudt.a
	objcopy --wildcard --keep-global-symbol='hx_*' --remove-section='.group' $(B)/libhx.o
	rm -f $@; ar rcs $@ $(B)/libhx.o
$(B)/libhx.so.0: $(LIBHX_OBJS) client/libhx.map
	$(CC) $(LDFLAGS) -shared -Wl,-soname,libhx.so.0,-z,defs,--version-script=client/libhx.map -o $@ $(LIBHX_OBJS) $(ROUTER) $(LIBS)
	ln -sf libhx.so.0 $(B)/libhx.so
# Always anew: PREFIX may be another one than the last time.
$(B)/libhx.pc: client/libhx.pc.in FORCE
	@sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' $< >$@
$(B)/example: client/example.c $(LIBHX) ; $(CC) -Wall -Wextra -Werror -Iclient -o $@ $< -L$(B) -lhx -Wl,-rpath,'$$ORIGIN'
$(B)/example-static: client/example.c $(LIBHX)
	$(CC) -Wall -Wextra -Werror -Iclient -o $@ $< $(B)/libhx.a $(ROUTER) -lhttp_parser -lssl -lcrypto -lstdc++ -lpthread -lm

$(B)/test/unit/test_udt_listen: LIBS += -Wl,--wrap=_ZN3UDT6listenEii,--wrap=_Znwm,--wrap=_ZdlPv,--wrap=_ZdlPvm
$(B)/test/unit/test_groups_memory: LIBS += -Wl,--wrap=malloc,--wrap=calloc
$(B)/test/unit/test_client_cancel: LIBS += -Wl,--wrap=tls_warm_up
# With every room in them: GNU's linker takes twice as long for that, and lld's threads cost more than they save.
TESTS_LD   := -fuse-ld=lld -Wl,--threads=1
TESTS_LIBS := -lcmocka -linih -luriparser -lnghttp2 -lev -lmicrohttpd -lsqlite3 -lsodium -lqrencode $(ROUTER)
$(B)/test/unit/%: $(B)/test/unit/%.o $(B)/test/fake_stream.o $(ROOMS)
	@rm -f $@
	$(CC) $(LDFLAGS) $(TESTS_LD) -Wl,--defsym=main=$(*F)_main -o $@ $^ $(TESTS_LIBS) $(LIBS)
$(B)/test/unit/%.o: NAMED = -DTEST_MAIN=$(*F)_main -include test/unit/main.h
$(B)/test/unit/together: test/unit/together.c $(TOGETHER:=.o) $(B)/test/fake_stream.o $(ROOMS)
	@if nm -A -g --defined-only $(TOGETHER:=.o) | grep ' [A-Z] ' | grep -v '_main$$'; then \
	    echo "its test belongs into ALONE, in the Makefile" >&2; exit 1; fi
	$(CC) $(STD) $(CFLAGS) -O0 -DTESTS='$(foreach t,$(TOGETHER),TEST($(notdir $t)))' \
	    $(LDFLAGS) $(TESTS_LD) -o $@ $^ $(TESTS_LIBS) $(LIBS)
# Each of its tests ends with a search for leaks through all of that.
	@if [ "$$(size $@ | awk 'END { print $$3 }')" -gt 64000000 ]; then \
	    echo "large static buffers of its tests are to be allocated" >&2; rm -f $@; exit 1; fi
	@cd $(B)/test/unit && for t in $(notdir $(TOGETHER)); do ln -sf together $$t; done
$(B)/test/fuzz/%: $(B)/test/fuzz/%.o $(ROOMS)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ -linih -lnghttp2 -lev -lmicrohttpd -lsqlite3 -lsodium -lqrencode $(ROUTER) $(LIBS)
$(BENCH): $(B)/test/bench/%: $(B)/test/bench/%.o $(filter-out $(B)/test/bench/bench_%,$(call objs,test/bench)) $(B)/libsecure.a $(BASE) ; $(CC) $(LDFLAGS) $(TESTS_LD) -o $@ $^ -lsodium $(LIBS)
# What plays against our programs is the same for all of their builds: a sanitizer's takes the release build's.
TOOLS      := $(HOSTILE) $(patsubst %,$(B)/test/natlab/%,probe mapper delay_line nat_box) $(B)/test/clock_step.so $(B)/test/failing_malloc.so $(B)/test/no_ipv6 \
              $(B)/test/group_member $(B)/test/holders
ifneq ($(findstring -fsanitize,$(CFLAGS)),)
$(TOOLS): ; @mkdir -p $(@D); ln -sf $(abspath $(@:$(B)/%=build/release/%)) $@
else
# Raw datagrams by hand: nothing of UDT, ours or theirs.
$(HOSTILE): $(B)/test/hostile/%: $(B)/test/hostile/%.o $(patsubst %,$(B)/test/hostile/%.o,raw mutate cases_control \
    cases_handshake dialects) $(B)/libproto.a $(B)/libbase.a ; $(CC) $(LDFLAGS) -o $@ $^
$(B)/test/clock_step.so $(B)/test/failing_malloc.so: $(B)/%.so: %.c ; @mkdir -p $(@D); $(CC) $(STD) -O2 -g -shared -o $@ $<
$(B)/test/no_ipv6: test/no_ipv6.c ; @mkdir -p $(@D); $(CC) $(STD) -O2 -o $@ $<
$(B)/test/natlab/mapper $(B)/test/group_member $(B)/test/holders: %: %.o $(B)/libclient.a $(B)/libsecure.a $(BASE)
	$(CC) $(LDFLAGS) -o $@ $^ $(ROUTER) $(LIBS)
$(B)/test/natlab/nat_box: $(B)/test/natlab/nat_table.o
$(B)/test/natlab/probe: $(B)/test/natlab/probe_net.o
$(B)/test/natlab/%: $(B)/test/natlab/%.o ; $(CC) $(LDFLAGS) -o $@ $^
endif
# Against UDT as Debian ships it: the shared library, and nothing of ours.
build/release/test/stock/%: test/stock/%.cc
	@mkdir -p $(@D); $(CXX) -std=gnu++17 -O2 -Wall -Wextra -Werror -o $@ $< -ludt -lpthread
ifneq ($(B),build/release)
$(B)/test/stock/%: build/release/test/stock/% ; @mkdir -p $(@D); ln -sf $(abspath $<) $@
endif

# What a test itself does needs no optimizer, but where it simulates paths, packet by packet, and there is much of it to
# compile: half of clang's time goes into optimizing the undefined behaviour sanitizer's checks. Nor do the rooms under the
# sanitizers, but for those that a test or a fuzzer has compute, and C++. Under the thread sanitizer all rooms that see every
# packet are optimized.
COMPUTES   := $(call objs,base proto secure client/mux) $(patsubst %,$(B)/%.o,shim/udt/tickets client/path_choice) \
              $(patsubst %.c,$(B)/%.o,$(wildcard shim/udt/path_*.c))
rooms       = $(filter-out $(COMPUTES),$(patsubst %.c,$(B)/%.o,$(wildcard $(patsubst %,%/*.c,$(1)))))
SIMULATES  := %/test_path_sim.o %/test_path_back.o %/test_path_stall.o
$(B)/test/unit/%.o: UNOPTIMIZED = $(if $(filter $(SIMULATES),$@)$(and $(SANITIZED),$(findstring =thread,$(CFLAGS))$(filter \
    %/test_mux.o %/test_tls.o,$@)),,-O0)
ifneq ($(findstring -fsanitize=address,$(CFLAGS)),)
PLAIN      := $(call rooms,client client/forward client/files client/run client/tool server server/admin shim/net shim/udt test/udtcurl)
$(PLAIN): UNOPTIMIZED = -O0
endif
ifneq ($(findstring -fsanitize=thread,$(CFLAGS)),)
$(call rooms,client client/run client/tool server server/admin): UNOPTIMIZED = -O0
endif
# What a fuzzer follows is the rooms.
$(B)/test/unit/%.o: override CFLAGS := $(filter-out -fsanitize=fuzzer-no-link,$(CFLAGS))
# A file of shim/udt takes a second, and nearly all of it goes into UDT's headers and the C++ library's. The sanitizers' builds
# have all of them as one text; the release build has them one by one, and so sees an include that is missing.
$(B)/shim/udt_together.o: $(wildcard shim/udt/*.cc)
	@mkdir -p $(@D)
	printf '#include "%s"\n' $(filter %.cc,$^) | $(CXX) $(STDXX) $(CXXFLAGS) $(CPPFLAGS) -x c++ -c -o $@ -
# No test runs these under the thread sanitizer: hx has them as they are in the release build.
ifneq ($(findstring -fsanitize=thread,$(CFLAGS)),)
$(call objs,client/forward client/files): ; @mkdir -p $(@D); ln -sf $(abspath $(@:$(B)/%=build/release/%)) $@
endif
# A command without a shell, and without one for its folder: there are two thousand of them.
.SECONDEXPANSION:
$(B)/%.o: %.c | $$(@D)/. ; $(CC) $(STD) $(NAMED) $(CFLAGS) $(UNOPTIMIZED) $(CPPFLAGS) -c -o $@ $<
$(B)/%.o: %.cc | $$(@D)/. ; $(CXX) $(STDXX) $(CXXFLAGS) $(CPPFLAGS) -c -o $@ $<
$(B)/%/.: ; @mkdir -p $(@D)

asan: tools
	@$(MAKE) --no-print-directory -s $(ASAN) batches
	@$(MAKE) --no-print-directory -s $(ASAN) programs unit tools fuzzers
# Most of the objects, where none is there yet: many by one process.
UNIT_OBJS  := $(filter-out $(SIMULATES),$(UNIT:=.o))
batches: ; @\
	test/clang_batch.sh $(B) $(PLAIN) -- $(CC) $(STD) $(CFLAGS) -O0 $(CPPFLAGS); \
	test/clang_batch.sh $(B) $(COMPUTES) -- $(CC) $(STD) $(CFLAGS) $(CPPFLAGS); \
	test/clang_batch.sh $(B) $(UNIT_OBJS) -- $(CC) $(STD) $(filter-out -fsanitize=fuzzer-no-link,$(CFLAGS)) -O0 $(CPPFLAGS)
tsan: tools build/release/libforward.a build/release/libfiles.a
	@$(MAKE) --no-print-directory -s $(TSAN) programs tools $(patsubst test/%.c,build/tsan/test/%,$(wildcard $(TSAN_UNITS)))
lint: deps-test ; @ANALYZER_NODES=225000 test/check.sh lint ## the linters, the analyzer in its full depth
programs: $(PROGRAMS)
unit: $(B)/test/unit/together $(ALONE)
fuzzers: $(FUZZ)
bench-programs: $(BENCH) $(STOCK)
tools: $(TOOLS) $(STOCK)

install: all ## into $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(LIBDIR)/pkgconfig \
	    $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(PREFIX)/share/doc/hx
	install $(B)/hx $(B)/udtcurl $(DESTDIR)$(PREFIX)/bin
	install $(B)/hx-nameserver $(DESTDIR)$(PREFIX)/sbin
	install -m 644 client/hx.h $(DESTDIR)$(PREFIX)/include
	install -m 644 $(B)/libhx.a $(B)/libhx.so.0 $(DESTDIR)$(LIBDIR)
	ln -sf libhx.so.0 $(DESTDIR)$(LIBDIR)/libhx.so
	install -m 644 $(B)/libhx.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 644 client/tool/man/*.1 test/udtcurl/udtcurl.1 $(DESTDIR)$(MANDIR)/man1
	ln -sf hx-send.1 $(DESTDIR)$(MANDIR)/man1/hx-recv.1
	install -m 644 -D client/tool/hx.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/hx
	install -m 644 -D client/tool/hx.zsh $(DESTDIR)$(ZSHDIR)/_hx
	for p in hx-nameserver udtcurl; do install -m 644 packaging/completion/options.zsh $(DESTDIR)$(ZSHDIR)/_$$p && install -m 644 \
	    packaging/completion/options.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$p || exit; done
	install -m 644 server/hx-nameserver.8 $(DESTDIR)$(MANDIR)/man8
	install -m 644 -D -t $(DESTDIR)$(UNITDIR) server/*.service server/*.socket client/tool/*.service
	install -m 644 -D server/hx-nameserver.sysctl $(DESTDIR)$(PREFIX)/lib/sysctl.d/10-hx-nameserver.conf
	install -m 644 README.md server/hx-nameserver.conf $(DESTDIR)$(PREFIX)/share/doc/hx

clean: ; rm -rf build ## remove what was built
help: ; @grep -hv '^help' $(MAKEFILE_LIST) | sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' | expand -t 20

SOURCES = $(shell git ls-files '*.c' '*.h' '*.cc')
.PHONY: all go node python asan batches tsan lint programs deps deps-test demo check bench natlab image page dist deb fuzz-wire format unit fuzzers bench-programs tools install clean help FORCE
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
