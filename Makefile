# rouse: the whole interface of the tree. `make help` lists the targets.
#
# Each folder's build.mk declares its programs by $(call program,NAME,SOURCES,STATIC|DYNAMIC,LIBRARIES)
# and its unit tests by $(call unit_test,NAME,SOURCES,LIBRARIES).

OUT      ?= build
CC       ?= gcc
DESTDIR  ?=
SANITIZE ?=
VERSION  := 0.1
OPT      ?= -O2 -g
WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wformat=2 -Wno-format-nonliteral -Wno-unused-parameter
CFLAGS_ALL := -std=gnu11 $(OPT) $(WARN) -fno-strict-aliasing -ffunction-sections -fdata-sections \
              -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DROUSE_VERSION=\"$(VERSION)\" -I. $(CFLAGS)
LDFLAGS_ALL := -Wl,--gc-sections -Wl,-z,relro,-z,now $(LDFLAGS)

ifneq ($(SANITIZE),)
# gcc's flow analysis sees overflows that are none in instrumented code.
CFLAGS_ALL  += -Wno-format-truncation -Wno-maybe-uninitialized -Wno-stringop-overflow -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
LDFLAGS_ALL += -fsanitize=$(SANITIZE)
# A sanitizer's run-time cannot be linked statically.
LINK_STATIC  :=
STATIC_FLAG  :=
else
STATIC_FLAG  := -fPIE
LINK_STATIC  := -static-pie
endif

all:
.PHONY: all deps check check-all check-clang boot bench bench-exact bench-scale fuzz install deb help clean format

PROGRAMS :=
UNIT_TESTS :=
OBJDIR := $(OUT)/obj

obj = $(patsubst %.c,$(OBJDIR)/%.o,$(1))

# NAME, sources, STATIC or DYNAMIC, libraries
define program
PROGRAMS += $$(OUT)/$(1)
$$(OUT)/$(1): $$(call obj,$(2)) $$(OUT)/librouse.a
	@echo "  LINK  $$@"
	@$$(CC) $$(if $$(filter STATIC,$(3)),$$(LINK_STATIC),-pie) -o $$@ $$(call obj,$(2)) $$(OUT)/librouse.a $$(LDFLAGS_ALL) $(4)
endef

# NAME (built as $(OUT)/tests/NAME), sources, libraries
define unit_test
UNIT_TESTS += $$(OUT)/tests/$(1)
$$(OUT)/tests/$(1): $$(call obj,$(2)) $$(OUT)/librouse.a
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$$(CC) -pie -o $$@ $$(call obj,$(2)) $$(OUT)/librouse.a $$(LDFLAGS_ALL) $(3)
endef

# What the machine must have: installed once, by the first target that needs it.
DEPS := gcc make pkg-config libkmod-dev libblkid-dev libmount-dev libudev-dev libelf-dev libzstd-dev liblz4-dev \
        liblzma-dev zlib1g-dev libseccomp-dev libsystemd-dev clang clang-format libclang-rt-14-dev qemu-system-x86 mmdebstrap busybox-static \
        e2fsprogs squashfs-tools erofs-utils fdisk zstd lz4 xz-utils cpio kmod python3 perl man-db iproute2 util-linux procps dbus systemd dpkg-dev swtpm

deps: $(OUT)/.deps
$(OUT)/.deps: Makefile
	@mkdir -p $(@D)
	@tests/deps $(DEPS)
	@touch $@

$(OBJDIR)/%.o: %.c | $(OUT)/.deps
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS_ALL) -fPIE -MMD -MP -c -o $@ $<

include $(sort $(wildcard */build.mk tests/*/build.mk))

all: $(PROGRAMS)

# ---- installing ----

.SECONDEXPANSION:

SBIN_PROGRAMS := rouse rouse-initramfs
BIN_PROGRAMS  := rousectl
LIB_PROGRAMS  := rouse-devd rouse-devd-probe rouse-devd-worker rouse-logd rouse-early rouse-exec rouse-shutdown rouse-initrd rouse-busd
UDEV_PROGRAMS := ata_id scsi_id
UNIT_ALIASES  := udev.service:systemd-udevd.service kmod.service:systemd-modules-load.service \
                 procps.service:systemd-sysctl.service

INSTALLED = $(filter $(PROGRAMS),$(addprefix $(OUT)/,$(SBIN_PROGRAMS) $(BIN_PROGRAMS) $(LIB_PROGRAMS) $(UDEV_PROGRAMS)))

install: $$(INSTALLED)
	install -d $(DESTDIR)/usr/sbin $(DESTDIR)/usr/bin $(DESTDIR)/usr/lib/rouse/system $(DESTDIR)/etc/rouse \
	        $(DESTDIR)/usr/share/man/man8 $(DESTDIR)/usr/share/man/man1
	for p in $(SBIN_PROGRAMS); do install -m 755 -s $(OUT)/$$p $(DESTDIR)/usr/sbin/; done
	for p in $(BIN_PROGRAMS); do install -m 755 -s $(OUT)/$$p $(DESTDIR)/usr/bin/; done
	for p in $(LIB_PROGRAMS); do if [ -e $(OUT)/$$p ]; then install -m 755 -s $(OUT)/$$p $(DESTDIR)/usr/lib/rouse/; fi; done
	install -d $(DESTDIR)/usr/lib/rouse/udev
	for p in $(UDEV_PROGRAMS); do install -m 755 -s $(OUT)/$$p $(DESTDIR)/usr/lib/rouse/udev/; done
	for p in ctl/divert initramfs/update-initramfs units/rouse-sulogin; do install -m 755 $$p $(DESTDIR)/usr/lib/rouse/; done
	install -d $(DESTDIR)/etc/kernel/postinst.d $(DESTDIR)/etc/kernel/postrm.d $(DESTDIR)/usr/share/initramfs-tools/hooks
	install -m 755 ctl/initramfs-hook $(DESTDIR)/usr/share/initramfs-tools/hooks/zz-rouse
	install -m 755 debian/kernel-postinst $(DESTDIR)/etc/kernel/postinst.d/zz-rouse
	install -m 755 debian/kernel-postrm $(DESTDIR)/etc/kernel/postrm.d/zz-rouse
	cp -R --preserve=mode units/*.service units/*.mount units/*.d $(DESTDIR)/usr/lib/rouse/system/
	for w in units/*.wants; do [ -d $$w ] && cp -R $$w $(DESTDIR)/usr/lib/rouse/system/ || :; done
	sed -n 's/^\([^# ][^ ]*\).*/\1/p' units/masked | while read u; do \
	        ln -sf /dev/null $(DESTDIR)/usr/lib/rouse/system/$$u; done
	for a in $(UNIT_ALIASES); do ln -sf $${a#*:} $(DESTDIR)/usr/lib/rouse/system/$${a%:*}; done
	for m in docs/man/*.8; do [ -e $$m ] && install -m 644 $$m $(DESTDIR)/usr/share/man/man8/ || :; done
	for m in docs/man/*.1; do [ -e $$m ] && install -m 644 $$m $(DESTDIR)/usr/share/man/man1/ || :; done

# A package: everything that `install` puts, the diversions made and undone by its scripts.
deb: all
	@rm -rf $(OUT)/deb && mkdir -p $(OUT)/deb
	@$(MAKE) --no-print-directory -s install DESTDIR=$(abspath $(OUT))/deb
	@debian/make-deb $(OUT)/deb $(VERSION) $(OUT)/rouse_$(VERSION).deb
	@rm -rf $(OUT)/deb
	@echo "$(OUT)/rouse_$(VERSION).deb"

clean:
	rm -rf $(OUT)

# ---- testing ----
# Unit and namespace tests run twice: as built for use, and with the address and undefined-behaviour sanitizers. Guests
# run what is built for use. CHECK_CLANG=0 leaves out the build with clang.

ASAN_OUT    := $(OUT)/asan
CLANG_OUT   := $(OUT)/clang
NS_TESTS    := $(sort $(wildcard tests/ns/*.t))
CHECK_CLANG ?= 1
# not with the sanitizers: what services may have of memory and namespaces is too little for them
ASAN_NS     := $(patsubst tests/ns/%.t,$(ASAN_OUT)/ns/%.t,$(filter-out tests/ns/directives.t,$(NS_TESTS)))
# what reads from outside in PID 1 is fuzzed for some seconds each; all targets, and longer: check-all
CHECK_FUZZ  ?= calendar unitfile execline notify fstab
JOBS        ?= 2

# A namespace test over the sanitizers' build.
$(ASAN_OUT)/ns/%.t: tests/ns/%.t
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nOUT="$(abspath $(ASAN_OUT))" exec $<\n' > $@
	@chmod +x $@

.PHONY: tests asan
tests: all $(UNIT_TESTS)
asan: $(OUT)/.deps
	@$(MAKE) --no-print-directory OUT=$(ASAN_OUT) SANITIZE=address,undefined OPT='-O1 -g' tests
check-clang: $(OUT)/.deps
	@if [ "$(CHECK_CLANG)" = 1 ]; then $(MAKE) --no-print-directory OUT=$(CLANG_OUT) CC=clang tests; fi

check: $(OUT)/.deps
	@$(MAKE) --no-print-directory -j$(JOBS) tests asan check-clang $(ASAN_NS)
	@if [ -n "$(CHECK_FUZZ)" ]; then \
	        $(MAKE) --no-print-directory -j$(JOBS) FUZZ_SECONDS=5 $(addprefix fuzz-,$(CHECK_FUZZ)); fi
	@OUT='$(abspath $(OUT))' prove -j$(JOBS) --exec tests/run-test tests/style.t $(UNIT_TESTS) \
	        $(UNIT_TESTS:$(OUT)/%=$(ASAN_OUT)/%) $(NS_TESTS) $(ASAN_NS) $(VM_TESTS)

# What takes longer than `check` may: the fuzzers, then the checks.
check-all:
	@tests/deps nfs-ganesha nfs-ganesha-vfs
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=60
	@$(MAKE) --no-print-directory check
	@OUT='$(abspath $(OUT))' prove --exec tests/run-test tests/empty-directives $(VM_ALL_TESTS)

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

help:
	@sed -n 's/^#: \{0,1\}//p' Makefile
#: make boot          a Debian 12 guest under rouse, to a login prompt; QUIT=1: check it, power off, exit
#: make check         every test; make check-all: with the fuzzers and long tests
#: make bench         rouse, systemd, busybox and the ideal, interleaved, on a person's clock (RUNS, SYSTEMS)
#: make bench-exact   the same on the clock that counts instructions
#: make bench-scale   1,000 and 10,000 generated units: load, transaction, memory; 500 services at once
#: make bench-devices rouse-devd beside systemd-udevd: coldplug, latency, memory, thousands of devices
#: make fuzz          each fuzz target for FUZZ_SECONDS; fuzz-NAME: one
#: make install       into DESTDIR; see README for `divert` and the way back
#: make deb           the same as a Debian package
#: make deps          what the machine must have (Debian packages); every target that needs it calls it
#: make directives    docs/directives.md from the table
#: make vm-image, vm-clean   the cached guests' images: make them, throw them away
#: make format, make clean, make help
#:
#: Variables: OUT (build), CC, SANITIZE, OPT; for guests ACCEL (tcg|kvm), KERNEL (cloud|full), ROOT_PACKAGES, APPEND,
#: MEM (MiB), SMP, IMAGE, INIT (rouse|systemd), INITRAMFS, QUIT, TIMEOUT, QEMU_ARGUMENTS (-icount shift=1: a clock that a
#: machine without time to spare does not run away with)

-include $(shell find $(OBJDIR) -name '*.d' 2>/dev/null)
