# Tests of the reading side of PID 1: all of it but main().
comma := ,
INIT_TEST_SRC := $(filter-out init/main.c,$(ROUSE_SRC))

$(eval $(call unit_test,test-init-load,tests/unit/test-init-load.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-directives,tests/unit/test-init-directives.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-specifiers,tests/unit/test-init-specifiers.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-conditions,tests/unit/test-init-conditions.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-config,tests/unit/test-init-config.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-generate,tests/unit/test-init-generate.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-debian,tests/unit/test-init-debian.c $(INIT_TEST_SRC)))

$(eval $(call unit_test,test-init-reload,tests/unit/test-init-reload.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-timer,tests/unit/test-init-timer.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-path,tests/unit/test-init-path.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-jobs,tests/unit/test-init-jobs.c $(INIT_TEST_SRC)))
# Processes, cgroups and the clock are the test's.
INIT_WRAP := exec_spawn cgroup_kill cgroup_is_empty cgroup_pids kill now_monotonic devlink_fds
$(foreach t,test-init-service test-init-service-rows test-init-unit-rows test-init-deps test-init-graph,$(eval $(call unit_test,$t,tests/unit/$t.c \
	$(INIT_TEST_SRC),$(patsubst %,-Wl$(comma)--wrap=%,$(INIT_WRAP)))))
$(eval $(call unit_test,test-init-watchdog,tests/unit/test-init-watchdog.c $(INIT_TEST_SRC),-Wl$(comma)--wrap=ioctl))
$(eval $(call unit_test,test-init-cgroup,tests/unit/test-init-cgroup.c $(INIT_TEST_SRC)))
MOUNTS_WRAP := mount devlink_mount devlink_umount exec_spawn cgroup_realize cgroup_attach cgroup_is_empty cgroup_kill
$(eval $(call unit_test,test-init-mounts,tests/unit/test-init-mounts.c \
	$(INIT_TEST_SRC),$(patsubst %,-Wl$(comma)--wrap=%,$(MOUNTS_WRAP))))
$(eval $(call unit_test,test-init-socket,tests/unit/test-init-socket.c $(INIT_TEST_SRC),$(patsubst %,-Wl$(comma)--wrap=%,exec_spawn socket setsockopt)))

# The list of directives in docs/, made from the table.
.PHONY: directives
directives: $(OUT)/rouse
	@$< --dump-directives > docs/directives.md
