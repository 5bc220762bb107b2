# What the services of the tests of directives run.
PROBE := $(OUT)/tests/probe
$(PROBE): $(call obj,tests/directives/probe.c) $(OUT)/librouse.a
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(LINK_STATIC) -o $@ $^ $(LDFLAGS_ALL)

tests: $(PROBE)
