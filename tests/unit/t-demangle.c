/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-demangle.c: names of each language, clone suffixes, and names that are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "symbol/demangle.h"

struct pair {
	const char *mangled, *readable;
};

static void check(const struct pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *name = demangle(pairs[i].mangled);

		assert_non_null(name);
		assert_string_equal(name, pairs[i].readable);
	}
}

static void test_cxx(void **state)
{
	static const struct pair pairs[] = {
		{ "_Z3addii", "add" },
		{ "_ZN2ns5CacheIiSaIiEE3getERKi", "ns::Cache<int, std::allocator<int> >::get" },
		{ "_ZN12_GLOBAL__N_13runEv", "(anonymous namespace)::run" },
		{ "_ZN1AC2Ev", "A::A" },
		{ "_ZNK1A1fEv", "A::f" },
		{ "_ZN1AcviEv", "A::operator int" },
		{ "_ZStlsISt11char_traitsIcEERSt13basic_ostreamIcT_ES5_PKc",
		  "std::operator<< <std::char_traits<char> >" },
		{ "_ZZN1A1fEvENKUlvE_clEv", "A::f()::{lambda()#1}::operator()" },
	};

	(void)state;
	check(pairs, ARRAY_SIZE(pairs));
}

static void test_template_has_no_return_type(void **state)
{
	static const struct pair pairs[] = {
		{ "_Z1fIiEvT_", "f<int>" },
		{ "_Z1fIiEPFvvET_", "f<int>" },
		{ "_Z1gIPFviEEvT_", "g<void (*)(int)>" },
	};

	(void)state;
	check(pairs, ARRAY_SIZE(pairs));
}

static void test_rust(void **state)
{
	static const struct pair pairs[] = {
		{ "_ZN5hello4work17h0123456789abcdefE", "hello::work" },
		{ "_ZN5hello4work17h0123456789abcdefE.llvm.1234567890", "hello::work" },
		{ "_RNvCs1234_5hello4main", "hello::main" },
		{ "_RINvCs1234_5hello4worklE", "hello::work::<i32>" },
	};

	(void)state;
	check(pairs, ARRAY_SIZE(pairs));
}

static void test_dlang(void **state)
{
	static const struct pair pairs[] = {
		{ "_D3app3runFZv", "app.run" },
		{ "_D3app3runFAyaZv", "app.run" },
		{ "_D3app__T3runTiZQhFiZv", "app.run!(int).run" },
		{ "_Dmain", "D main" },
	};

	(void)state;
	check(pairs, ARRAY_SIZE(pairs));
}

static void test_clones(void **state)
{
	static const struct pair pairs[] = {
		{ "run.isra.0", "run" },
		{ "run.part.1", "run" },
		{ "run.cold", "run" },
		{ "run.cold.2", "run" },
		{ "run.constprop.0.isra.0.cold", "run" },
		{ "run.lto_priv.2", "run" },
		{ "run.llvm.9876543210", "run" },
		{ "_ZN2ns3runEi.constprop.0.cold", "ns::run" },
	};

	(void)state;
	check(pairs, ARRAY_SIZE(pairs));
}

/* Names that only look like the above, and those of Go, whose dots are part of the name. */
static void test_left_alone(void **state)
{
	static const char *const names[] = {
		"",
		"main",
		".cold",
		"_Z",
		"_R",
		"_D",
		"_Data",
		"_ZN2ns",
		"run.isra",
		"run.coldish",
		"run.isra.0x",
		"main.(*T).run",
		"main.main.func1",
		"main.init.0",
		"runtime.call32.abi0",
		"go.shape.int_0",
		"sync.(*Mutex).lockSlow",
		"type..eq.[2]interface {}",
		"puts@plt",
		"@plt",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct pair pair = { names[i], names[i] };

		check(&pair, 1);
	}
}

static void test_plt(void **state)
{
	static const struct pair pairs[] = { { "_ZN2ns3runEi@plt", "ns::run@plt" } };

	(void)state;
	check(pairs, ARRAY_SIZE(pairs));
}

static void test_too_long_is_left_alone(void **state)
{
	enum { LONG = 20000 };
	_cleanup_free_ char *mangled = malloc(LONG + 1);
	struct pair pair = { mangled, mangled };

	(void)state;
	assert_non_null(mangled);
	memset(mangled, 'P', LONG);
	memcpy(mangled, "_Z1f", 4);
	mangled[LONG] = '\0';
	check(&pair, 1);
}

/* A type of thousands of pointers would need as many levels of recursion. */
static void test_deep_is_refused(void **state)
{
	enum { DEEP = 15000 };
	_cleanup_free_ char *mangled = malloc(DEEP + 1);
	struct pair pair = { mangled, mangled };

	(void)state;
	assert_non_null(mangled);
	memset(mangled, 'P', DEEP);
	memcpy(mangled, "_Z1f", 4);
	mangled[DEEP - 1] = 'i';
	mangled[DEEP] = '\0';
	check(&pair, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cxx),
		cmocka_unit_test(test_template_has_no_return_type),
		cmocka_unit_test(test_rust),
		cmocka_unit_test(test_dlang),
		cmocka_unit_test(test_clones),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_plt),
		cmocka_unit_test(test_too_long_is_left_alone),
		cmocka_unit_test(test_deep_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
