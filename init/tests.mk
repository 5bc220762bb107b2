# Tests of the reading side of PID 1: all of it but main().
INIT_TEST_SRC := $(filter-out init/main.c,$(ROUSE_SRC))

$(eval $(call unit_test,test-init-load,tests/unit/test-init-load.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-directives,tests/unit/test-init-directives.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-specifiers,tests/unit/test-init-specifiers.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-conditions,tests/unit/test-init-conditions.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-generate,tests/unit/test-init-generate.c $(INIT_TEST_SRC)))
$(eval $(call unit_test,test-init-debian,tests/unit/test-init-debian.c $(INIT_TEST_SRC)))

# The list of directives in docs/, made from the table.
.PHONY: directives
directives: $(OUT)/rouse
	@$< --dump-directives > docs/directives.md
