# rouse-busd: the bridge to D-Bus (dynamic, libsystemd). Unit files are handled by rousectl's code.
BUSD_SRC    := $(sort $(wildcard busd/*.c)) ctl/install.c ctl/install-links.c ctl/install-revert.c
BUSD_NO_MAIN := $(filter-out busd/main.c,$(BUSD_SRC))

$(eval $(call program,rouse-busd,$(BUSD_SRC),DYNAMIC,-lsystemd))
