EARLY_SRC := $(sort $(wildcard early/*.c)) logd/ask.c
EARLY_LIB := $(filter-out early/main.c,$(EARLY_SRC))
SHUTDOWN_SRC := $(sort $(wildcard init/shutdown-*.c))

$(eval $(call program,rouse-early,$(EARLY_SRC),STATIC,))
$(eval $(call program,rouse-shutdown,$(SHUTDOWN_SRC),STATIC,))

$(eval $(call unit_test,test-early-tmpfiles,tests/unit/test-early-tmpfiles.c $(EARLY_LIB)))
$(eval $(call unit_test,test-early-sysusers,tests/unit/test-early-sysusers.c $(EARLY_LIB)))
$(eval $(call unit_test,test-early-steps,tests/unit/test-early-steps.c $(EARLY_LIB)))
$(eval $(call unit_test,test-early-mountinfo,tests/unit/test-early-mountinfo.c $(filter-out init/shutdown-main.c,$(SHUTDOWN_SRC))))
