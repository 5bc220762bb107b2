# One line a target: NAME means tests/fuzz/fuzz-NAME.c with seeds in tests/fuzz/seeds/NAME/, and then whatever
# sources it needs besides lib/. "make fuzz" runs each for FUZZ_SECONDS, "make fuzz-NAME" one.
FUZZ_SECONDS ?= 20
FUZZ_CC      ?= clang
FUZZ_FLAGS   := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=undefined -fsanitize=address,undefined
FUZZ_DIR     := $(OUT)/fuzz
FUZZ_NAMES   :=
FUZZ_EXTRA   :=
FUZZ_LIBS    :=

$(FUZZ_DIR)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  FUZZ  $<"
	@$(FUZZ_CC) $(filter-out -O2 -fsanitize=%,$(CFLAGS_ALL)) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link \
		-DFUZZ_LIBFUZZER -MMD -MP -c -o $@ $<

# NAME, further sources, libraries
define fuzz_target
FUZZ_NAMES += $(1)
FUZZ_EXTRA += $(2)
FUZZ_LIBS  += $(3)
$$(FUZZ_DIR)/$(1): $$(patsubst %.c,$$(FUZZ_DIR)/obj/%.o,tests/fuzz/fuzz-$(1).c $(2) $$(LIB_SRC))
	@echo "  LINK  $$@"
	@$$(FUZZ_CC) $$(FUZZ_FLAGS) -fsanitize=fuzzer -o $$@ $$^ $(3)
.PHONY: fuzz-$(1)
fuzz-$(1): $$(FUZZ_DIR)/$(1)
	@mkdir -p $$(FUZZ_DIR)/corpus/$(1)
	@$$< -max_total_time=$$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -artifact_prefix=$$(FUZZ_DIR)/$(1)- \
		$$(FUZZ_DIR)/corpus/$(1) tests/fuzz/seeds/$(1) > $$(FUZZ_DIR)/$(1).log 2>&1 || \
		{ tail -n 60 $$(FUZZ_DIR)/$(1).log; echo "fuzz-$(1): FAILED (see $$(FUZZ_DIR)/$(1).log)"; exit 1; }
	@echo "fuzz-$(1): $$$$(sed -n 's/^Done/done,/p' $$(FUZZ_DIR)/$(1).log)"
fuzz: fuzz-$(1)
endef

$(eval $(call fuzz_target,inifile))
$(eval $(call fuzz_target,wire))
$(eval $(call fuzz_target,uevent))
$(eval $(call fuzz_target,word))
$(eval $(call fuzz_target,parse))
$(eval $(call fuzz_target,unitname))
$(eval $(call fuzz_target,cmdline))
$(eval $(call fuzz_target,calendar))
$(eval $(call fuzz_target,envfile))
$(eval $(call fuzz_target,smbios,init/credentials.c))
$(eval $(call fuzz_target,disk_image,init/exec-main-partitions.c init/exec-main-verity.c))
$(eval $(call fuzz_target,state,init/state-parse.c))
$(eval $(call fuzz_target,devd_control,$(DEVD_NO_MAIN)))
$(eval $(call fuzz_target,devd_mounts,devd/mount-child.c devd/mountinfo.c))

$(eval $(call fuzz_target,tmpfiles,$(EARLY_LIB)))
$(eval $(call fuzz_target,sysusers,$(EARLY_LIB)))
$(eval $(call fuzz_target,logd_datagrams,$(LOGD_LIB)))
$(eval $(call fuzz_target,logd_stream,$(LOGD_LIB)))
$(eval $(call fuzz_target,logd_ring,$(LOGD_LIB)))
$(eval $(call fuzz_target,journal,logd/journal-read.c $(LOGD_LIB),-lzstd))

$(eval $(call fuzz_target,busd_direct,$(BUSD_NO_MAIN),-lsystemd))
$(eval $(call fuzz_target,busd_values,$(BUSD_NO_MAIN),-lsystemd))

$(eval $(call fuzz_target,rules,$(DEVD_RULES_SRC)))
$(eval $(call fuzz_target,udevdb,$(DEVD_RULES_SRC)))
$(eval $(call fuzz_target,hwdb,devd/builtin-hwdb-trie.c))
$(eval $(call fuzz_target,hwdb_source,devd/builtin-hwdb-trie.c $(sort $(wildcard devd/hwdb-*.c))))

$(eval $(call fuzz_target,initrd_probe,$(addprefix initramfs/initrd/,blocks.c options.c links.c),-lblkid))
$(eval $(call fuzz_target,dhcp,$(addprefix initramfs/initrd/,dhcp.c netconf.c)))

FUZZ_INIT_SRC := $(filter-out init/main.c init/verify%,$(ROUSE_SRC))
$(eval $(call fuzz_target,unitfile,$(FUZZ_INIT_SRC)))
$(eval $(call fuzz_target,execline,$(FUZZ_INIT_SRC)))
$(eval $(call fuzz_target,notify,$(FUZZ_INIT_SRC)))
$(eval $(call fuzz_target,fstab,$(FUZZ_INIT_SRC)))

# The table of system calls that exec-seccomp.c reads is made, not written.
$(FUZZ_DIR)/obj/init/exec-seccomp.o: $(SYSCALL_TABLE)
$(FUZZ_DIR)/obj/init/exec-seccomp.o: CFLAGS_ALL += -I$(OUT)/gen

$(eval $(call unit_test,test-fuzz-seeds,tests/fuzz/seeds.c $(sort $(FUZZ_EXTRA)) \
	$(patsubst %,tests/fuzz/fuzz-%.c,$(FUZZ_NAMES)),$(FUZZ_LIBS)))

-include $(shell find $(FUZZ_DIR)/obj -name '*.d' 2>/dev/null)
