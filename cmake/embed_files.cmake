# Writes the C++ source that holds files as string literals, byte by byte:
#
#   cmake -DWEB=folder -DFILES=a,b,.. -DOUTPUT=web_files.cc -P embed_files.cmake
#
# index.html is served at "/", every other file at its own path.
set(TYPE_html "text/html; charset=utf-8")
set(TYPE_js "text/javascript; charset=utf-8")
set(TYPE_css "text/css; charset=utf-8")
set(TYPE_json "application/json")
set(TYPE_svg "image/svg+xml")
set(TYPE_png "image/png")
set(TYPE_woff2 "font/woff2")

string(REPLACE "," ";" files "${FILES}")
string(REPEAT "." 96 one_line)
set(literals "")
set(rows "")
set(number 0)
foreach(file IN LISTS files)
  string(REGEX REPLACE ".*\\." "" extension ${file})
  if(NOT DEFINED TYPE_${extension})
    message(FATAL_ERROR "web/${file}: no content type is known for .${extension}; "
                        "add one in cmake/embed_files.cmake")
  endif()
  file(READ ${WEB}/${file} bytes HEX)
  # 24 bytes a line, each as \xNN; the pieces of a literal are joined by the compiler.
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
  string(REGEX REPLACE "(${one_line})" "\\1\"\n    \"" bytes "${bytes}")
  string(APPEND literals "constexpr char kFile${number}[] =  // web/${file}\n    \"${bytes}\";\n")
  set(path "/${file}")
  if(file STREQUAL "index.html")
    set(path "/")
  endif()
  set(content "{kFile${number}, sizeof kFile${number} - 1}")
  string(APPEND rows "    {\"${path}\", {${content}, \"${TYPE_${extension}}\"}},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE ${OUTPUT}.new "// Made from web/ by cmake/embed_files.cmake; changes here are lost.
#include \"daemon/web_files.h\"

namespace driftd {
namespace {

${literals}
struct Entry {
  std::string_view path;
  WebFile file;
};

constexpr Entry kEntries[] = {
${rows}};

}  // namespace

std::optional<WebFile> web_file(std::string_view path) {
  for (const Entry& entry : kEntries) {
    if (entry.path == path) return entry.file;
  }
  return std::nullopt;
}

}  // namespace driftd
")
file(RENAME ${OUTPUT}.new ${OUTPUT})
