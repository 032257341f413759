/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-demangle.c: names of each language, clone suffixes, and names that are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
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

/* "_Z1fPPPPPi": a type of so many pointers, of `len` bytes. */
static char *pointers(size_t len)
{
	char *mangled = malloc(len + 1);

	assert_non_null(mangled);
	memset(mangled, 'P', len);
	memcpy(mangled, "_Z1f", 4);
	mangled[len - 1] = 'i';
	mangled[len] = '\0';
	return mangled;
}

/* Too long for us, or more levels of recursion than libiberty allows: left as it is, but cut. */
static void test_long_is_cut(void **state)
{
	static const size_t lens[] = { 5000, 15000, 20000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		_cleanup_free_ char *mangled = pointers(lens[i]);
		_cleanup_free_ char *name = demangle(mangled);

		assert_non_null(name);
		assert_in_range(strlen(name), 4000, 4096);
		assert_memory_equal(name, mangled, strlen(name) - 3);
		assert_string_equal(name + strlen(name) - 3, "...");
	}
}

/* 1024 bytes are libiberty's limit. */
static void test_refused_is_left_alone(void **state)
{
	_cleanup_free_ char *mangled = pointers(2000);
	struct pair pair = { mangled, mangled };

	(void)state;
	check(&pair, 1);
}

/* Every template argument refers twice to the one before: 2^60 times "int" in the end. */
static void test_bomb(void **state)
{
	char mangled[1024] = "_Z4deepI1PIiiE";
	_cleanup_free_ char *name = NULL;

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
		/* P is S_ and P<int, int> is S0_, each P<Sn_, Sn_> is the next one */
		char n[3] = { i < 36 ? digits[i] : '1', i < 36 ? '\0' : digits[i - 36] };

		sprintf(mangled + strlen(mangled), "S_IS%s_S%s_E", n, n);
	}
	strcat(mangled, "EvT_");
	name = demangle(mangled);
	assert_non_null(name);
	assert_string_equal(name, "deep<...>");
}

static void test_cut(void **state)
{
	char name[10000] = "ns::A<int>::f<";
	char plain[6000];

	(void)state;
	memset(name + 14, 'x', sizeof(name) - 15);
	name[sizeof(name) - 1] = '\0';
	assert_string_equal(demangle_cut(name), "ns::A<int>::f<...>");
	assert_string_equal(demangle_cut(name), "ns::A<int>::f<...>");
	memset(plain, 'x', sizeof(plain) - 1);
	plain[sizeof(plain) - 1] = '\0';
	assert_ptr_equal(demangle_cut(plain), plain);
	assert_in_range(strlen(plain), 4000, 4096);
	assert_string_equal(plain + strlen(plain) - 4, "x...");
}

/* Types of D that refer to earlier ones twice each: all of it would be 2^22 types. */
static void test_back_references_of_d(void **state)
{
	static const struct pair pairs[] = {
		{ "_D1fFB2iiB2QdQfZv", "f" },
		{ "_D1fFB2iiB2QdQfB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQi"
		  "B2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiZv",
		  "_D1fFB2iiB2QdQfB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQi"
		  "B2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiB2QgQiZv" },
	};

	(void)state;
	check(pairs, ARRAY_SIZE(pairs));
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
		cmocka_unit_test(test_long_is_cut),
		cmocka_unit_test(test_refused_is_left_alone),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_back_references_of_d),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
