# What the services of the tests of directives run: always as built for use, also beside a sanitizer's PID 1.
PROBE := $(OUT)/tests/probe
$(PROBE): tests/directives/probe.c $(LIB_SRC) $(wildcard lib/*.h) | $(OUT)/.deps
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(filter-out -fsanitize=%,$(CFLAGS_ALL)) -fPIE -static-pie -Wl,--gc-sections -o $@ $(filter %.c,$^)

tests: $(PROBE)
