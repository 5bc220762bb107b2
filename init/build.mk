# PID 1 (static, libc only), and rouse-exec, which a child becomes where a start may block (dynamic).
ROUSE_SRC := $(filter-out init/shutdown-% init/exec-main%,$(sort $(wildcard init/*.c)))

$(eval $(call program,rouse,$(ROUSE_SRC),STATIC,))

include init/exec.mk
-include init/tests.mk
