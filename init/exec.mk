# Processes: rouse-exec, and the tests of init/exec-*.c and init/cgroup*.c. Included by init/build.mk.

# What of exec-*.c and cgroup*.c is PID 1's (all of it but rouse-exec).
EXEC_SRC := $(filter-out $(wildcard init/exec-main*.c),$(wildcard init/exec*.c)) $(wildcard init/cgroup*.c) init/bpf.c
EXEC_MAIN_SRC := $(wildcard init/exec-main*.c) init/exec-plan.c init/exec-child.c init/exec-expand.c init/path-look.c init/autofs.c init/exec-dir.c

$(eval $(call program,rouse-exec,$(EXEC_MAIN_SRC),DYNAMIC,))

# System calls by name: native number, number of the 32-bit architecture beside it (-1: none), sorted by name.
# Only x86 has headers for both.
SYSCALL_TABLE := $(OUT)/gen/syscall-table.h
SYSCALL_NUMBERS = $(CC) $(CFLAGS) $(1) -E -dM -include asm/unistd.h -x c /dev/null 2>/dev/null | \
        sed -n 's/^\#define __NR_\([a-z0-9_]*\) \([0-9][0-9]*\)$$/\1 \2 $(2)/p'

$(SYSCALL_TABLE): init/exec.mk
	@mkdir -p $(@D)
	@echo "  GEN   $@"
	@{ $(call SYSCALL_NUMBERS,,n); if $(CC) -dM -E -x c /dev/null | grep -q __x86_64__; then \
	   $(call SYSCALL_NUMBERS,-U__x86_64__ -D__i386__,c); fi; } | LC_ALL=C awk ' \
	   $$3 == "n" { n[$$1] = $$2; all[$$1] } $$3 == "c" { c[$$1] = $$2; all[$$1] } \
	   END { for (i in all) printf "%s %d %d\n", i, (i in n) ? n[i] : -1, (i in c) ? c[i] : -1 }' | \
	 LC_ALL=C sort -k1,1 | sed 's/\(.*\) \(.*\) \(.*\)/{ "\1", \2, \3 },/' > $@.tmp
	@test -s $@.tmp && mv $@.tmp $@

$(OBJDIR)/init/exec-seccomp.o: $(SYSCALL_TABLE)
$(OBJDIR)/init/exec-seccomp.o: CFLAGS_ALL += -I$(OUT)/gen

# name, sources: the test with all of PID 1's process layer and stand-ins for the rest
EXEC_TEST_SRC := $(EXEC_SRC) tests/unit/exec-stubs.c
$(eval $(call unit_test,test-exec-spawn,tests/unit/test-exec-spawn.c $(EXEC_TEST_SRC)))
$(eval $(call unit_test,test-exec-command,tests/unit/test-exec-command.c $(EXEC_TEST_SRC)))
$(eval $(call unit_test,test-exec-cgroup,tests/unit/test-exec-cgroup.c $(EXEC_TEST_SRC)))
$(eval $(call unit_test,test-exec-helper,tests/unit/test-exec-helper.c $(EXEC_TEST_SRC),-lutil))
$(OUT)/tests/test-exec-helper: $(OUT)/rouse-exec
$(eval $(call unit_test,test-exec-seccomp,tests/unit/test-exec-seccomp.c $(EXEC_TEST_SRC)))
