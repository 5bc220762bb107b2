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
CFLAGS_ALL  += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
LDFLAGS_ALL += -fsanitize=$(SANITIZE)
# A sanitizer's run-time cannot be linked statically.
LINK_STATIC  :=
STATIC_FLAG  :=
else
STATIC_FLAG  := -fPIE
LINK_STATIC  := -static-pie
endif

all:
.PHONY: all deps check check-all boot bench bench-exact fuzz install deb help clean format

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

$(OBJDIR)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS_ALL) -fPIE -MMD -MP -c -o $@ $<

include $(sort $(wildcard */build.mk tests/*/build.mk))

all: $(PROGRAMS)

# ---- installing ----

.SECONDEXPANSION:

SBIN_PROGRAMS := rouse rouse-initramfs
BIN_PROGRAMS  := rousectl
LIB_PROGRAMS  := rouse-devd rouse-devd-worker rouse-logd rouse-early rouse-exec rouse-shutdown rouse-initrd
UNIT_ALIASES  := udev.service:systemd-udevd.service kmod.service:systemd-modules-load.service \
                 procps.service:systemd-sysctl.service

INSTALLED = $(filter $(PROGRAMS),$(addprefix $(OUT)/,$(SBIN_PROGRAMS) $(BIN_PROGRAMS) $(LIB_PROGRAMS)))

install: $$(INSTALLED)
	install -d $(DESTDIR)/usr/sbin $(DESTDIR)/usr/bin $(DESTDIR)/usr/lib/rouse/system $(DESTDIR)/etc/rouse \
	        $(DESTDIR)/usr/share/man/man8 $(DESTDIR)/usr/share/man/man1
	for p in $(SBIN_PROGRAMS); do install -m 755 -s $(OUT)/$$p $(DESTDIR)/usr/sbin/; done
	for p in $(BIN_PROGRAMS); do install -m 755 -s $(OUT)/$$p $(DESTDIR)/usr/bin/; done
	for p in $(LIB_PROGRAMS); do if [ -e $(OUT)/$$p ]; then install -m 755 -s $(OUT)/$$p $(DESTDIR)/usr/lib/rouse/; fi; done
	for p in $(wildcard ctl/divert) units/rouse-sulogin; do install -m 755 $$p $(DESTDIR)/usr/lib/rouse/; done
	cp -R --preserve=mode units/*.service units/*.d $(DESTDIR)/usr/lib/rouse/system/
	for w in units/*.wants; do [ -d $$w ] && cp -R $$w $(DESTDIR)/usr/lib/rouse/system/ || :; done
	sed -n 's/^\([^# ][^ ]*\).*/\1/p' units/masked | while read u; do \
	        ln -sf /dev/null $(DESTDIR)/usr/lib/rouse/system/$$u; done
	for a in $(UNIT_ALIASES); do ln -sf $${a#*:} $(DESTDIR)/usr/lib/rouse/system/$${a%:*}; done
	for m in docs/man/*.8; do [ -e $$m ] && install -m 644 $$m $(DESTDIR)/usr/share/man/man8/ || :; done
	for m in docs/man/*.1; do [ -e $$m ] && install -m 644 $$m $(DESTDIR)/usr/share/man/man1/ || :; done

clean:
	rm -rf $(OUT)

-include $(shell find $(OBJDIR) -name '*.d' 2>/dev/null)
