# One way to make a library of this house: C++20, warnings, includes from the top of the tree.
find_program(VEER_CCACHE ccache)
if(VEER_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${VEER_CCACHE})
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(veer_settings INTERFACE)
target_compile_features(veer_settings INTERFACE cxx_std_20)
target_include_directories(veer_settings INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                                   $<INSTALL_INTERFACE:include/veer>)
# Not exported: how this house is compiled is no business of those who link it.
add_library(veer_private_settings INTERFACE)
target_compile_options(veer_private_settings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                                       -Wnon-virtual-dtor)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlapping copies in std::string's operator+ that are not there (GCC bug 105651).
  target_compile_options(veer_private_settings INTERFACE -Wno-restrict)
endif()
if(VEER_SANITIZE)
  target_compile_options(veer_settings INTERFACE -fsanitize=${VEER_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(veer_settings INTERFACE -fsanitize=${VEER_SANITIZE})
endif()

# LibTorch with its own flags (string ABI) and its headers as system headers. Linked PRIVATE: no public header needs it.
if(VEER_TORCH)
  add_library(veer_torch INTERFACE)
  separate_arguments(veer_torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  target_compile_options(veer_torch INTERFACE $<BUILD_INTERFACE:${veer_torch_flags}>)
  target_include_directories(veer_torch SYSTEM INTERFACE $<BUILD_INTERFACE:${TORCH_INCLUDE_DIRS}>)
  target_link_libraries(veer_torch INTERFACE ${TORCH_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY VEER_LIBRARIES veer_torch)
endif()

# Several sources of a library in one translation unit, where the option asks for it: names in unnamed namespaces have to
# differ within a library. Headers are read once per unit, which is most of a build's work.
function(veer_unity name)
  if(VEER_UNITY)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
    # GCC tells sources from headers by their names, and takes a source that is included for a header.
    target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# veer_library(NAME [DIRECTORIES dir ...] [PUBLIC target ...] [PRIVATE target ...])
# A static library of every .cpp in the directories (default: the current one).
function(veer_library name)
  cmake_parse_arguments(arg "" "" "DIRECTORIES;PUBLIC;PRIVATE" ${ARGN})
  if(NOT arg_DIRECTORIES)
    set(arg_DIRECTORIES ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
  set(sources)
  foreach(directory IN LISTS arg_DIRECTORIES)
    file(GLOB found CONFIGURE_DEPENDS ${directory}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  if(NOT sources)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE veer_settings ${arg_PUBLIC})
  else()
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC veer_settings ${arg_PUBLIC}
                                  PRIVATE $<BUILD_INTERFACE:veer_private_settings> ${arg_PRIVATE})
  endif()
  veer_unity(${name})
  set_property(GLOBAL APPEND PROPERTY VEER_LIBRARIES ${name})
endfunction()
