# One helper per kind of target, and one interface target that carries every compile and link option.

set(DRIFTD_SANITIZE "" CACHE STRING "Sanitizers, comma-separated (address,undefined or thread)")

add_library(driftd_options INTERFACE)
target_compile_options(driftd_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                       -Wold-style-cast -Wcast-qual -Wimplicit-fallthrough
                       # False positives of GCC 12 on std::string (GCC bug 105651).
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
target_include_directories(driftd_options INTERFACE ${PROJECT_SOURCE_DIR})
# The baseline is x86-64-v2 (2009): a binary must run where it is copied to. Kernels that pay are dispatched at run time.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(driftd_options INTERFACE -march=x86-64-v2)
endif()
if(DRIFTD_SANITIZE)
  target_compile_options(driftd_options INTERFACE -fsanitize=${DRIFTD_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(driftd_options INTERFACE -fsanitize=${DRIFTD_SANITIZE})
endif()

find_program(DRIFTD_MOLD mold)
if(DRIFTD_MOLD)
  target_link_options(driftd_options INTERFACE -fuse-ld=mold)
endif()
find_program(DRIFTD_CCACHE ccache)
if(DRIFTD_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${DRIFTD_CCACHE})
endif()

# driftd_library(room SOURCES a.cc ... LINK other rooms and libraries ...): the static library driftd_<room>.
function(driftd_library room)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(driftd_${room} STATIC ${ARG_SOURCES})
  target_link_libraries(driftd_${room} PUBLIC driftd_options PRIVATE ${ARG_LINK})
endfunction()

# What every test and everything that tests share is compiled with: where the tree and the binary are.
add_library(driftd_test_options INTERFACE)
target_link_libraries(driftd_test_options INTERFACE driftd_options)
target_compile_definitions(driftd_test_options INTERFACE
  DRIFTD_TEST_DATA="${PROJECT_SOURCE_DIR}/tests" DRIFTD_ROOT="${PROJECT_SOURCE_DIR}"
  DRIFTD_BINARY="${PROJECT_BINARY_DIR}/driftd")

# driftd_test(name LINK rooms ... [LABELS ...] [TIMEOUT s] [ALONE]): tests/<name>.cc, one ctest test per test case.
# ALONE: no other test runs beside it, because it waits for brokers and processes within bounds.
function(driftd_test name)
  cmake_parse_arguments(ARG "ALONE" "TIMEOUT" "LINK;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${name}.cc)
  target_link_libraries(${name} PRIVATE driftd_test_options ${ARG_LINK}
                        GTest::gmock GTest::gtest_main Threads::Threads)
  # A property without a value would take the next one's name for it, so only those that are given are handed on.
  set(properties TIMEOUT ${ARG_TIMEOUT})
  if(ARG_LABELS)
    list(APPEND properties LABELS ${ARG_LABELS})
  endif()
  if(ARG_ALONE)
    list(APPEND properties RUN_SERIAL TRUE)
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
endfunction()
